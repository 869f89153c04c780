"""Sticks that nobody should have to trust: made by mkfs.fat, then damaged on purpose."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path

from media_format import layout
from media_format.package import list_packages
from media_format.volume import open_volume

_SECTOR = 512


def noise(stick: Path) -> None:
    """No file system at all."""
    with stick.open("r+b") as image:
        image.write(random.Random(5).randbytes(1 << 20))


def cyclic_root(stick: Path) -> None:
    """The root folder's chain of clusters leads back to itself."""
    with stick.open("r+b") as image:
        for copy in _tables(stick):
            image.seek(copy + 2 * 4)
            image.write(struct.pack("<I", 2))


def absurd_geometry(stick: Path) -> None:
    """A boot sector that speaks of more sectors than any disk has."""
    with stick.open("r+b") as image:
        image.seek(32)
        image.write(struct.pack("<I", 0xFFFFFFFF))


def absurd_table(stick: Path) -> None:
    """A boot sector that speaks of tables larger than the stick."""
    with stick.open("r+b") as image:
        image.seek(36)
        image.write(struct.pack("<I", 0xFFFFFFF0))


DAMAGES: dict[str, Callable[[Path], None]] = {
    "noise": noise,
    "a root that never ends": cyclic_root,
    "more sectors than there are": absurd_geometry,
    "tables larger than the stick": absurd_table,
}


def change_payload(stick: Path) -> None:
    """Change one byte of the payload, wherever it stands in the image."""
    volume = open_volume(stick, writable=False)
    try:
        (folder,) = list_packages(volume)
        some = volume.read_run(f"{folder}/{layout.segment(0)}", 100_000, 64)
    finally:
        volume.close()
    data = stick.read_bytes()
    place = data.index(some)
    with stick.open("r+b") as image:
        image.seek(place)
        image.write(bytes([data[place] ^ 1]))


def _tables(stick: Path) -> list[int]:
    """Where the copies of the FAT begin, in bytes."""
    with stick.open("rb") as image:
        boot = image.read(_SECTOR)
    sector, reserved, copies = struct.unpack_from("<HxHB", boot, 11)
    (length,) = struct.unpack_from("<I", boot, 36)
    return [(reserved + copy * length) * sector for copy in range(copies)]
