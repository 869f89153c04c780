"""A device before a medium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.device import Device
from media_format import cose
from media_format.volume.directory import DirectoryVolume
from tests.workshop import Box, Workshop, delivered


def scene(tmp_path: Path) -> tuple[Workshop, Box, Device, Path]:
    """A device with a package on a stick."""
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    return shop, box, device, stick


def renamed(envelope: Path, number: int) -> None:
    """Give an envelope another package id, as anybody can who does not mind the signature."""
    data = envelope.read_bytes()
    signed = cose.read_sign1(data, "application/vnd.updatebox.envelope+cbor", 1 << 20)
    place = data.index(signed.payload) + signed.payload.index(b"\x03\x50") + 2
    envelope.write_bytes(data[:place] + bytes([number]) * 16 + data[place + 16 :])


@contextmanager
def closing_volume(volume: DirectoryVolume) -> Iterator[DirectoryVolume]:
    try:
        yield volume
    finally:
        volume.close()
