"""A device that asks by itself: getversion, progress, inform. It takes the last entry of the list."""

import time

import device

me = device.Device()
me.connect()
me.inform("1.0")
device.say("ready")
deadline = time.monotonic() + device.PATIENCE
while not (offers := me.offers()):
    assert time.monotonic() < deadline, "nothing offered"
    time.sleep(0.1)
me.upgrade(device.firmware_of(offers[-1]))
device.say("left", me.offers())
me.client.close()
