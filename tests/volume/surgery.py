"""Changing single fields of a FAT volume, to make it what nobody's formatter would."""

from __future__ import annotations

import struct

from media_format.volume.fat import FatVolume
from media_format.volume.geometry import read_geometry
from tests.volume import delivery, images
from tests.volume.images import Shape
from tests.volume.memory import Memory

REQUEST = "UPDATEBX/REQUESTS/1A2B3C4D.REQ"
CONTENT = bytes(range(251)) * 11
"""More than one cluster of any small volume."""


def patient(shape: Shape) -> Memory:
    """A medium with a request on it, in the order folder, folder, request, and then another file."""
    medium = images.medium(shape)
    volume = FatVolume(medium)
    delivery.write(volume, REQUEST, CONTENT)
    delivery.write(volume, "OTHER.BIN", bytes(5000))
    volume.close()
    return medium


class Surgeon:
    """Knows where on a volume things are. `first` maps the names of `patient` to their first clusters."""

    def __init__(self, medium: Memory) -> None:
        self.medium = medium
        self.geometry = read_geometry(medium)
        self.root = self.geometry.root_offset or 0
        if not self.geometry.root_size:
            self.root = self.geometry.cluster_offset(self.geometry.root_cluster)

    def boot(self, offset: int, width: str, value: int) -> None:
        """Set a field of the boot sector."""
        self.medium.write(offset, struct.pack(f"<{width}", value))

    def link(self, number: int, value: int, copies: tuple[int, ...] = (0, 1)) -> None:
        """Set a FAT entry, in some copies."""
        geometry = self.geometry
        for copy in copies:
            base = geometry.table_offset + copy * geometry.table_size
            if geometry.bits == 12:
                at = base + number * 3 // 2
                (pair,) = struct.unpack("<H", self.medium.read(at, 2))
                pair = pair & 0x000F | (value & 0xFFF) << 4 if number & 1 else pair & 0xF000 | value & 0xFFF
                self.medium.write(at, struct.pack("<H", pair))
            else:
                width = geometry.bits // 8
                masked = value & geometry.mask
                self.medium.write(base + number * width, masked.to_bytes(width, "little"))

    def place(self, name: bytes) -> int:
        """Where on the medium the directory entry of this short name (11 bytes) stands."""
        for page, content in sorted(self.medium.pages.items()):
            at = content.find(name)
            if at >= 0 and at % 32 == 0:
                return page * len(content) + at
        raise AssertionError(f"no entry {name!r}")

    def cluster(self, name: bytes) -> int:
        """The first cluster of the file or folder with this short name."""
        high, low = struct.unpack("<20xH4xH4x", self.medium.read(self.place(name), 32))
        return int(high << 16 | low)

    def point(self, name: bytes, cluster: int) -> None:
        """Make an entry lead to another cluster."""
        at = self.place(name)
        self.medium.write(at + 20, struct.pack("<H", cluster >> 16))
        self.medium.write(at + 26, struct.pack("<H", cluster & 0xFFFF))

    def resize(self, name: bytes, size: int) -> None:
        """Make an entry tell another size."""
        self.medium.write(self.place(name) + 28, struct.pack("<L", size))

    def mark(self, name: bytes, attributes: int) -> None:
        """Make an entry something else: a folder, a file, a label."""
        self.medium.write(self.place(name) + 11, bytes([attributes]))

    def dirty(self) -> None:
        """Take away the marks that say the volume was left clean."""
        at = self.geometry.state_offset
        self.medium.write(at, bytes([self.medium.read(at, 1)[0] | 1]))


def long_name_entries(name: str, short: bytes) -> bytes:
    """A name in the entries for long names, and a file's entry with the short name after them."""
    checksum = 0
    for byte in short:
        checksum = ((checksum >> 1) + ((checksum & 1) << 7) + byte) & 0xFF
    raw = name.encode("utf-16-le", "surrogatepass") + b"\0\0"
    raw = raw.ljust(-(-len(raw) // 26) * 26, b"\xff")
    parts = [raw[at : at + 26] for at in range(0, len(raw), 26)]
    entries = b""
    for number, part in reversed(list(enumerate(parts, 1))):
        order = number | (0x40 if number == len(parts) else 0)
        entries += struct.pack(
            "<B10sBBB12sH4s", order, part[:10], 0x0F, 0, checksum, part[10:22], 0, part[22:]
        )
    return entries + short + bytes([0x20]) + bytes(20)
