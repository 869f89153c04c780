"""A consistency checker for FAT volumes that shares no code with the engine; fsck.fat vouches for it.

It judges a volume as a careful reader would: what files there are, and what is wrong.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from tests.volume.memory import Memory

_FREE: Final = 0
_DOTS: Final = (b".".ljust(11), b"..".ljust(11))


@dataclass(slots=True)
class Findings:
    """The files by path, in short names; `damage` that loses data; `untidy`, which a cut may leave behind."""

    files: dict[str, bytes] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)
    untidy: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether there is nothing to complain about."""
        return not self.damage and not self.untidy


def check(volume: Memory, copy: int = 0) -> Findings:
    """Look at every structure of a volume without partitions around it, as that copy of its FAT has it."""
    return _Checker(volume, copy).check()


def tables(volume: Memory) -> int:
    """How many copies of its FAT a volume has."""
    return volume.read(16, 1)[0]


class _Checker:
    def __init__(self, volume: Memory, copy: int) -> None:
        self._volume = volume
        boot = volume.read(0, 512)
        self._sector, per_cluster, reserved, self._tables, roots, few = struct.unpack_from(
            "<HBHBHH", boot, 11
        )
        (size16,) = struct.unpack_from("<H", boot, 22)
        many, size32 = struct.unpack_from("<LL", boot, 32)
        fat = (size16 or size32) * self._sector
        self._cluster = per_cluster * self._sector
        fats = reserved * self._sector
        self._root_at = fats + self._tables * fat
        self._root_size = roots * 32
        self._data = self._root_at + -(-self._root_size // self._sector) * self._sector
        self._count = ((few or many) * self._sector - self._data) // self._cluster + 2
        self._bits = 32 if not size16 else 16 if self._count - 2 >= 4085 else 12
        self._root_cluster, self._info = struct.unpack_from("<LH", boot, 44) if not size16 else (0, 0)
        self._fats = [volume.read(fats + copy * fat, fat) for copy in range(self._tables)]
        self._entries_of = self._decode(self._fats[copy])
        self._dirty = boot[0x41 if self._bits == 32 else 0x25] & 1
        self._owner: dict[int, str] = {}
        self._found = Findings()

    def check(self) -> Findings:
        found = self._found
        if self._dirty or not self._clean_flag():
            found.untidy.append("not marked clean")
        used = -(-self._count * self._bits // 8)
        if any(fat[:used] != self._fats[0][:used] for fat in self._fats):
            found.untidy.append("the copies of the FAT differ")
        if self._root_size:
            root = self._volume.read(self._root_at, self._root_size)
        else:
            root = self._chain(self._root_cluster, "/")
        self._folder("", root)
        self._lost()
        self._free_space()
        return found

    def _decode(self, fat: bytes) -> list[int]:
        if self._bits == 32:
            return [entry & 0x0FFFFFFF for entry in array("I", fat)[: self._count]]
        if self._bits == 16:
            return list(array("H", fat)[: self._count])
        pairs = (int.from_bytes(fat[at : at + 3], "little") for at in range(0, self._count * 3 // 2 + 3, 3))
        return [entry for pair in pairs for entry in (pair & 0xFFF, pair >> 12)][: self._count]

    def _entry(self, number: int) -> int:
        return self._entries_of[number]

    def _clean_flag(self) -> bool:
        return bool({12: 1, 16: self._entry(1) & 0x8000, 32: self._entry(1) & 0x08000000}[self._bits])

    def _chain(self, first: int, who: str) -> bytes:
        """The content of a chain; each of its clusters may have one owner."""
        parts = []
        end = (1 << min(self._bits, 28)) - 8
        while True:
            if not 2 <= first < self._count:
                self._found.damage.append(f"{who}: leads to cluster {first}")
                break
            if first in self._owner:
                self._found.damage.append(f"{who}: shares cluster {first} with {self._owner[first]}")
                break
            self._owner[first] = who
            parts.append(self._volume.read(self._data + (first - 2) * self._cluster, self._cluster))
            first = self._entry(first)
            if first >= end:
                break
        return b"".join(parts)

    def _folder(self, path: str, content: bytes) -> None:
        for name, attributes, cluster, size in self._entries(path, content):
            whole = f"{path}/{name}".lstrip("/")
            if attributes & 0x10:
                inner = self._chain(cluster, whole)
                if (inner[:11], inner[32:43]) != _DOTS:
                    self._found.damage.append(f"{whole}: a folder without its first two entries")
                self._folder(whole, inner)
                continue
            data = self._chain(cluster, whole) if cluster else b""
            if -(-size // self._cluster) != len(data) // self._cluster:
                self._found.damage.append(f"{whole}: {size} bytes in {len(data) // self._cluster} clusters")
            if whole in self._found.files:
                self._found.damage.append(f"{whole}: there twice")
            self._found.files[whole] = data[:size]

    def _entries(self, path: str, content: bytes) -> Iterator[tuple[str, int, int, int]]:
        for at in range(0, len(content), 32):
            raw = content[at : at + 32]
            if raw[0] == 0:
                return
            if raw[0] == 0xE5 or raw[11] & 0x08 or raw[:11] in _DOTS:
                continue
            body, extension = raw[:8].decode("cp437").rstrip(), raw[8:11].decode("cp437").rstrip()
            if not body.replace("~", "").replace("_", "").isalnum():
                self._found.damage.append(f"{path}: a name {raw[:11]!r}")
            high, low, size = struct.unpack_from("<20xH4xHL", raw)
            cluster = low | (high << 16 if self._bits == 32 else 0)
            yield f"{body}.{extension}" if extension else body, raw[11], cluster, size

    def _lost(self) -> None:
        bad = (1 << min(self._bits, 28)) - 9
        lost = [
            number
            for number, entry in enumerate(self._entries_of)
            if entry != _FREE and number > 1 and entry != bad and number not in self._owner
        ]
        if lost:
            self._found.untidy.append(f"{len(lost)} clusters that nobody owns")

    def _free_space(self) -> None:
        if not self._info:
            return
        free = self._entries_of[2:].count(_FREE)
        (told,) = struct.unpack_from("<L", self._volume.read(self._info * self._sector, 512), 488)
        if told not in (free, 0xFFFFFFFF):
            self._found.untidy.append(f"{told} clusters are said to be free, {free} are")
