"""A slow stick: what the engine adds to the bytes themselves is little."""

from __future__ import annotations

from random import Random

from media_format.volume.fat import FatVolume
from tests.volume import images
from tests.volume.faults import Slow
from tests.volume.images import MIB, Shape

SHAPE = Shape(32, 270 * MIB, cluster=8)
PAYLOAD = Random(5).randbytes(48 * MIB)


def write(volume: FatVolume, path: str, data: bytes) -> None:
    """Write a file in the pieces in which a box seals it."""
    ticket = volume.begin(path, len(data))
    for start in range(0, len(data), 64 * 1024):
        volume.append(ticket, data[start : start + 64 * 1024])
    volume.commit(ticket)


def test_writing_a_package_takes_hardly_longer_than_its_bytes() -> None:
    stick = Slow(images.medium(SHAPE))
    volume = FatVolume(stick)
    for name, data in (("MANIFEST.CBR", b"m" * 4000), ("PAYLOAD.000", PAYLOAD), ("ENVELOPE.CBR", b"e" * 900)):
        write(volume, f"UPDATEBX/PACKAGES/0A1B2C3D/{name}", data)
    volume.settle()
    assert stick.seconds < 1.3 * len(PAYLOAD) / Slow.RATE + 40 * Slow.FLUSH


def test_reading_a_package_takes_hardly_longer_than_its_bytes() -> None:
    medium = images.medium(SHAPE)
    writer = FatVolume(medium)
    write(writer, "UPDATEBX/PACKAGES/0A1B2C3D/PAYLOAD.000", PAYLOAD)
    writer.settle()
    stick = Slow(medium)
    volume = FatVolume(stick)
    found = b"".join(
        volume.read_run("UPDATEBX/PACKAGES/0A1B2C3D/PAYLOAD.000", start, MIB)
        for start in range(0, len(PAYLOAD), MIB)
    )
    assert found == PAYLOAD
    assert stick.seconds < 1.2 * len(PAYLOAD) / Slow.RATE + 1
