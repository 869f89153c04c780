"""Releases that share most of their chunks, and a device that runs the first of them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from appliance.device import Device
from media_format import cose
from media_format.objects import Envelope, Manifest
from tests.device.medium import packages
from tests.workshop import CHUNK, Box, Workshop, ask, make_image, update

BASE = make_image("base", 40)
"""What runs: 38 chunks of noise and text, one of zeros, a repeat, and a last one that is not full."""


def changed(image: bytes, *chunks: int) -> bytes:
    """An image with other chunks in these places."""
    noise, data = random.Random(str(chunks)), bytearray(image)
    for number in chunks:
        length = len(data[number * CHUNK : (number + 1) * CHUNK])
        data[number * CHUNK : number * CHUNK + length] = noise.randbytes(length)
    return bytes(data)


@dataclass(frozen=True)
class Scene:
    """A vendor, a box and a device that runs and has confirmed the release 1.0."""

    shop: Workshop
    box: Box
    device: Device
    stick: Path

    @property
    def folder(self) -> Path:
        """The device's."""
        return self.shop.device_folder()

    def holds(self, bank: str, image: bytes, slot: str = "rootfs") -> bool:
        """Whether a bank begins with an image."""
        return (self.folder / f"slots/{slot}.{bank}").read_bytes()[: len(image)] == image

    def offer(self, image: bytes, version: str = "1.1", **changes: object) -> None:
        """A new release comes onto the stick, for the request that the device writes now."""
        self.box.take(self.shop.release(version, {"rootfs": image}, **changes))
        ask(self.device, self.stick)
        self.box.write(self.stick, "pump-17")


def scene(tmp_path: Path, image: bytes = BASE) -> Scene:
    """The device was given `image` as 1.0 and runs it from bank b; the stick is empty."""
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium("first")
    box.take(shop.release("1.0", {"rootfs": image}))
    ask(device, stick)
    box.write(stick, "pump-17")
    update(device, stick)
    box.service.collect(stick)
    return Scene(shop, box, device, shop.medium())


def payload(stick: Path) -> int:
    """Bytes of the payload of the one package on a medium."""
    (folder,) = packages(stick)
    return sum(path.stat().st_size for path in folder.glob("PAYLOAD.*"))


def envelope(stick: Path) -> Envelope:
    """The envelope of the one package on a medium."""
    (folder,) = packages(stick)
    data = (folder / "ENVELOPE.CBR").read_bytes()
    return Envelope.from_bytes(cose.read_sign1(data, Envelope.CONTENT_TYPE, Envelope.LIMIT).payload)


def manifest(stick: Path) -> Manifest:
    """The manifest of the one package on a medium."""
    (folder,) = packages(stick)
    data = (folder / "MANIFEST.CBR").read_bytes()
    return Manifest.from_bytes(cose.read_sign(data, Manifest.CONTENT_TYPE, Manifest.LIMIT).payload)
