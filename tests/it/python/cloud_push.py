"""The vendor's sample: the whole upgrade runs inside the handler, and nothing answers the command."""

import threading

import device

me = device.Device()
done = threading.Event()


def upgrade(command, _path):
    me.upgrade(command.get_firmware_info())
    done.set()


me.on_upgrade(upgrade)
me.connect()
# A number, as in the vendor's sample.
me.inform(1.0)
device.say("ready")
assert done.wait(device.PATIENCE), "no upgrade"
me.client.close()
