"""Images that lie about themselves: each is a real FAT volume of mkfs.fat with a few bytes changed."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.media.loops import empty_image, fat_image

MIB = 1024 * 1024
SIZE = 40 * MIB


class Image:
    """A FAT32 volume with clusters of one sector, as a file to be spoilt."""

    def __init__(self, path: Path) -> None:
        self.path = fat_image(path, SIZE, "-F", "32", "-s", "1", "-f", "2", "-R", "32")
        with path.open("rb") as file:
            boot = file.read(512)
        (self.table_sectors,) = struct.unpack_from("<L", boot, 36)
        self.table = 32 * 512
        self.data = self.table + 2 * self.table_sectors * 512

    def write(self, offset: int, data: bytes) -> None:
        with self.path.open("r+b") as file:
            file.seek(offset)
            file.write(data)

    def link(self, cluster: int, following: int) -> None:
        """Set an entry in both copies of the FAT."""
        for copy in range(2):
            at = self.table + copy * self.table_sectors * 512 + 4 * cluster
            self.write(at, struct.pack("<L", following))

    def entry(self, cluster: int, place: int, name: bytes, attributes: int, first: int, size: int) -> None:
        """Put an entry into the folder whose content is in `cluster`."""
        raw = struct.pack("<11sB8xH4xHL", name, attributes, first >> 16, first & 0xFFFF, size)
        self.write(self.data + (cluster - 2) * 512 + 32 * place, raw)

    def chain(self, first: int, count: int, end: int = 0x0FFFFFFF) -> None:
        """Consecutive clusters, the last of which leads to `end`."""
        entries = struct.pack(f"<{count}L", *range(first + 1, first + count), end)
        for copy in range(2):
            self.write(self.table + copy * self.table_sectors * 512 + 4 * first, entries)


def _root_loop(image: Image) -> None:
    image.link(2, 2)


def _long_root_loop(image: Image) -> None:
    image.chain(2, 70_000, 2)


def _cyclic_file(image: Image) -> None:
    image.entry(2, 0, b"LOOP    BIN", 0x20, 100, SIZE - MIB)
    image.chain(100, 1000, 100)


def _file_larger_than_the_volume(image: Image) -> None:
    image.entry(2, 0, b"LARGER  BIN", 0x20, 100, 2**32 - 1)
    image.chain(100, 1000, 100)


def _crossed_files(image: Image) -> None:
    image.chain(100, 50)
    for place, first in enumerate((100, 120)):
        image.entry(2, place, b"CROSS%d  BIN" % place, 0x20, first, 10_000)


def _folder_in_itself(image: Image) -> None:
    image.entry(2, 0, b"UPDATEBX   ", 0x10, 100, 0)
    image.link(100, 0x0FFFFFFF)
    image.entry(100, 0, b"PACKAGES   ", 0x10, 100, 0)
    image.entry(100, 1, b"UPDATEBX   ", 0x10, 2, 0)


def _file_outside(image: Image) -> None:
    image.entry(2, 0, b"OUTSIDE BIN", 0x20, 0x0FFFFFF0, 5000)


def _file_without_chain(image: Image) -> None:
    image.entry(2, 0, b"NOCHAIN BIN", 0x20, 500, 2**32 - 1)


def _huge_folder(image: Image) -> None:
    image.chain(2, 66_000)
    image.write(image.data, (b"A" * 8 + b"BIN" + b"\x20" + bytes(20)) * (66_000 * 16))


def _scattered_folder(image: Image) -> None:
    order = list(range(3, 4000, 2))
    random.Random(4).shuffle(order)
    previous = 2
    for cluster in order:
        image.link(previous, cluster)
        previous = cluster
    image.link(previous, 0x0FFFFFFF)


def _endless_long_name(image: Image) -> None:
    piece = b"\x7f" + b"\x1b\0" * 5 + b"\x0f\0\x55" + b"[\0" * 6 + b"\0\0" + b"2\0" * 2
    image.write(image.data, piece * 15 + b"NAME    TXT\x20" + bytes(20))


def _noise_in_root(image: Image) -> None:
    image.write(image.data, random.Random(5).randbytes(512))


def _noise_in_table(image: Image) -> None:
    image.write(image.table, random.Random(6).randbytes(2 * image.table_sectors * 512))


def _field(offset: int, value: bytes) -> Callable[[Image], None]:
    def spoil(image: Image) -> None:
        image.write(offset, value)

    return spoil


def _copies_disagree(image: Image) -> None:
    second = image.table + image.table_sectors * 512
    image.write(second + 4 * 100, random.Random(7).randbytes(4096))


HOSTILE: Mapping[str, Callable[[Image], None]] = {
    "a root that leads into itself": _root_loop,
    "a root that leads into itself after 70,000 clusters": _long_root_loop,
    "a file that leads into itself": _cyclic_file,
    "a file larger than its volume": _file_larger_than_the_volume,
    "two files that share clusters": _crossed_files,
    "a folder that is its own child": _folder_in_itself,
    "a file outside the volume": _file_outside,
    "a file of 4 GiB without a chain": _file_without_chain,
    "a root of more than 65,536 entries": _huge_folder,
    "a root in 2,000 pieces": _scattered_folder,
    "a long name of control characters": _endless_long_name,
    "noise for a root": _noise_in_root,
    "noise for a FAT": _noise_in_table,
    "FATs that disagree": _copies_disagree,
    "no bytes per sector": _field(11, b"\0\0"),
    "sectors of 32 KiB": _field(11, b"\0\x80"),
    "no sectors per cluster": _field(13, b"\0"),
    "three sectors per cluster": _field(13, b"\x03"),
    "no reserved sectors": _field(14, b"\0\0"),
    "65,535 reserved sectors": _field(14, b"\xff\xff"),
    "no FAT": _field(16, b"\0"),
    "255 FATs": _field(16, b"\xff"),
    "a root of both kinds": _field(17, b"\xff\xff"),
    "no sectors": _field(32, b"\0\0\0\0"),
    "4,294,967,295 sectors": _field(32, b"\xff\xff\xff\xff"),
    "a FAT of 4,294,967,295 sectors": _field(36, b"\xff\xff\xff\xff"),
    "a FAT of one sector": _field(36, b"\1\0\0\0"),
    "a root outside the volume": _field(44, b"\xff\xff\xff\x0f"),
    "a root at cluster 0": _field(44, b"\0\0\0\0"),
    "a free-space sector outside": _field(48, b"\xff\xff"),
}


def hostile(folder: Path, name: str) -> Path:
    """The image of this name."""
    image = Image(folder / "hostile.img")
    HOSTILE[name](image)
    return image.path


def cut_short(folder: Path) -> Path:
    """A volume of which only the first 100 KiB are there."""
    image = Image(folder / "short.img")
    with image.path.open("r+b") as file:
        file.truncate(100 * 1024)
    return image.path


def large(folder: Path) -> Path:
    """A sparse medium of 32 GiB in clusters of 4 KiB, whose FAT is one long chain into itself."""
    path = empty_image(folder / "large.img", 32 * 1024 * MIB)
    path.unlink()
    fat_image(path, 32 * 1024 * MIB, "-F", "32", "-s", "8", "-R", "32")
    entries = struct.pack("<100000L", *range(3, 100_002), 2)
    with path.open("r+b") as file:
        file.seek(32 * 512 + 8)
        file.write(entries)
    return path
