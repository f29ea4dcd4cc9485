"""A connection that breaks off: the SDK comes back by itself, and believes that its subscriptions still stand."""

import threading

import device

me = device.Device()
done = threading.Event()


def upgrade(command, _path):
    me.upgrade(command.get_firmware_info())
    done.set()


me.on_upgrade(upgrade)
me.connect()
me.inform("1.0")
device.say("ready")
me.await_connection()
me.inform("1.0")
device.say("back")
assert done.wait(device.PATIENCE), "no upgrade"
me.client.close()
