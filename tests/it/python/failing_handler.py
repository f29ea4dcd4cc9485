"""A handler that raises at the first push: the SDK answers for it, with a code that is a string.
At the next push it answers with the SDK's default code, 0, before it sets to work.
"""

import threading

import device
from enos.message.downstream.ota.OtaUpgradeReply import OtaUpgradeReply

me = device.Device()
pushes = 0
done = threading.Event()


def upgrade(firmware):
    me.upgrade(firmware)
    done.set()


def answer(command, _path):
    global pushes
    pushes += 1
    device.say("pushed", pushes)
    if pushes == 1:
        raise RuntimeError("no room in flash")
    threading.Thread(target=upgrade, args=[command.get_firmware_info()]).start()
    return OtaUpgradeReply.builder().build()


me.on_upgrade(answer)
me.connect()
me.inform("1.0")
device.say("ready")
assert done.wait(device.PATIENCE), "no upgrade"
me.client.close()
