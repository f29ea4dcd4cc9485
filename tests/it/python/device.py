"""A device on the vendor's SDK as it comes from PyPI: everything over the network is the SDK's own doing.

Each line on stdout is a word and a JSON value; the Rust test beside it reads them.
"""

import argparse
import hashlib
import json
import threading
import urllib.request

from enos.core.MqttClient import MqttClient
from enos.core.message.IConnectCallback import IConnectCallback
from enos.message.downstream.ota.OtaUpgradeCommand import OtaUpgradeCommand
from enos.message.upstream.ota.Firmware import Firmware
from enos.message.upstream.ota.OtaGetVersionRequest import OtaGetVersionRequest
from enos.message.upstream.ota.OtaProgressReportRequest import OtaProgressReportRequest
from enos.message.upstream.ota.OtaVersionReportRequest import OtaVersionReportRequest

# Seconds that anything which must happen may take.
PATIENCE = 30


class Device:
    """A device by its three words, not yet connected."""

    def __init__(self):
        parser = argparse.ArgumentParser()
        for name in ("mqtt", "product", "device", "secret"):
            parser.add_argument(name)
        words = parser.parse_args()
        url = "tcp://" + words.mqtt
        self.client = MqttClient(url, words.product, words.device, words.secret)
        self.connections = threading.Semaphore(0)

    def on_upgrade(self, handler):
        """Lets `handler(command, path)` answer every push."""
        self.client.register_arrived_message_handler(OtaUpgradeCommand.get_class(), handler)

    def connect(self):
        """Connects in the background, and waits for it: the SDK's own waiting misses a fast answer."""
        callback = IConnectCallback()
        callback.on_connect = self.connections.release
        self.client.connect(callback)
        self.await_connection()

    def await_connection(self):
        """Waits for the next connection; the SDK reconnects by itself."""
        assert self.connections.acquire(timeout=PATIENCE), "not connected"
        say("connected")

    def inform(self, version):
        self._ask(OtaVersionReportRequest.builder().set_version(version))

    def progress(self, step, desc=""):
        self._ask(OtaProgressReportRequest.builder().set_step(step).set_desc(desc))

    def offers(self):
        """What the device may take, preferred last, as the gateway lists it."""
        return self._ask(OtaGetVersionRequest.builder()).get_data()

    def upgrade(self, firmware):
        """Downloads, verifies, reports, and informs the new version."""
        self.progress(20)
        self._install(firmware)
        self.progress("80", "installed")
        self.inform(firmware.version)
        say("upgraded", firmware.version)

    def _install(self, firmware):
        with urllib.request.urlopen(firmware.file_url, timeout=PATIENCE) as response:
            image = response.read()
        assert len(image) == firmware.file_size, "%d bytes, told %d" % (len(image), firmware.file_size)
        digest = hashlib.new(firmware.sign_method, image).hexdigest()
        assert digest == firmware.sign, "%s is %s, told %s" % (firmware.sign_method, digest, firmware.sign)
        say("verified", {"sign": digest, "size": len(image)})

    def _ask(self, builder):
        request = builder.build()
        profile = self.client.get_profile()
        request.set_product_key(profile.get_product_key())
        request.set_device_key(profile.get_device_key())
        response = self.client.publish(request)
        say("asked", {"request": json.loads(request.encode()), "code": response.get_code()})
        assert response.is_success(), response.get_message()
        return response


def firmware_of(offer):
    """An entry of getversion's list: the SDK decodes it for pushes only."""
    firmware = Firmware()
    firmware.version = offer["version"]
    firmware.sign_method = offer["signMethod"]
    firmware.sign = offer["sign"]
    firmware.file_url = offer["fileUrl"]
    firmware.file_size = offer["fileSize"]
    return firmware


def say(word, value=None):
    print(word, json.dumps(value), flush=True)
