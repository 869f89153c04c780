"""The file allocation table, held as bytes and worked on in bulk: no Python object per cluster."""

from __future__ import annotations

import re
import struct
from array import array
from collections.abc import Iterable, Sequence
from typing import Final

from media_format.refusal import Code, Refusal
from media_format.volume.descriptor import Blocks
from media_format.volume.extents import Extent
from media_format.volume.geometry import Geometry

_MASK: Final = {12: 0xFFF, 16: 0xFFFF, 32: 0x0FFFFFFF}
_FREE_RUN: Final = re.compile(rb"\x00+")
_TAKEN_RUN: Final = re.compile(rb"\x01+")
_LOW_NIBBLE: Final = bytes(value & 0x0F for value in range(256))
_USED: Final = bytes(value != 0 for value in range(256))
_VOLUME_FLAG: Final = {12: 0, 16: 0x8000, 32: 0x08000000}
_BULK: Final = 1024 * 1024
_MAX_EXTENTS: Final = 65536
"""A file in more pieces than this is refused: each costs memory, and no medium in use comes near."""


class Table:
    """One FAT in memory, with a map of the clusters in use (one byte each).

    Reservations live in the map alone; `link` makes them entries, `flush` brings those to every copy.
    The first copy is the one that is read.
    """

    def __init__(self, blocks: Blocks, geometry: Geometry) -> None:
        self._blocks = blocks
        self._geometry = geometry
        self._end = _MASK[geometry.bits]
        self.count = count = geometry.clusters + 2
        raw = bytearray(-(-count * geometry.bits // 8))
        for start in range(0, len(raw), _BULK):
            part = min(_BULK, len(raw) - start)
            raw[start : start + part] = blocks.read(geometry.table_offset + start, part)
        if geometry.bits == 12:
            self._entries = memoryview(array("H", _unpack12(raw, count)))
        else:
            self._entries = memoryview(raw).cast("H" if geometry.bits == 16 else "I")[:count]
        self._used = _used_map(self._entries)
        self._used[0:2] = b"\xff\xff"
        self._reserved = 0
        self._changed: list[tuple[int, int]] = []
        self._unproven: list[tuple[int, int]] = []

    @property
    def free(self) -> int:
        """Clusters that are neither taken nor reserved."""
        return self._used.count(0)

    @property
    def free_on_medium(self) -> int:
        """Clusters whose entries are zero: the reserved ones count."""
        return self.free + self._reserved

    @property
    def clean(self) -> bool:
        """The volume flag in the second entry; FAT12 has none."""
        flag = _VOLUME_FLAG[self._geometry.bits]
        return self._entries[1] & flag == flag

    def mark(self, *, clean: bool) -> None:
        """Set the volume flag."""
        flag = _VOLUME_FLAG[self._geometry.bits]
        if flag:
            self._entries[1] = self._entries[1] | flag if clean else self._entries[1] & ~flag
            self._changed.append((1, 2))

    def chain(self, first: int, limit: int) -> Sequence[Extent]:
        """The extents of a chain of at most `limit` clusters.

        Refusal(medium-unreadable) if it is longer, cyclic, broken, or in too many pieces.
        """
        extents: list[Extent] = []
        number, start, left = first, first, limit
        mask = self._end
        while len(extents) < _MAX_EXTENTS:
            if left == 0 or not self._geometry.holds(number):
                break
            left -= 1
            following = self._entries[number] & mask
            if following != number + 1:
                extents.append(Extent(start, number + 1 - start))
                if following >= mask - 7:
                    return extents
                start = following
            number = following
        raise Refusal(Code.MEDIUM_UNREADABLE, "a cluster chain is cyclic, too long or leads nowhere")

    def reserve(self, count: int) -> Sequence[Extent]:
        """Take `count` free clusters, in one run if there is one. Refusal(medium-full)."""
        if count == 0:
            return ()
        if count > self.free:
            raise Refusal(Code.MEDIUM_FULL, f"{count} clusters are needed, {self.free} are free")
        whole = self._used.find(bytes(count))
        found = [Extent(whole, count)] if whole >= 0 else self._fragments(count)
        for extent in found:
            self._used[extent.first : extent.first + extent.count] = b"\x01" * extent.count
        self._reserved += count
        return found

    def _fragments(self, count: int) -> list[Extent]:
        found: list[Extent] = []
        for run in _FREE_RUN.finditer(self._used):
            taken = min(count, run.end() - run.start())
            found.append(Extent(run.start(), taken))
            count -= taken
            if count == 0:
                return found
            if len(found) == _MAX_EXTENTS:
                break
        raise Refusal(Code.MEDIUM_FULL, "the free room of the medium is in too many pieces")

    def give_back(self, extents: Sequence[Extent]) -> None:
        """Let go of reserved extents that were not linked."""
        for extent in extents:
            self._used[extent.first : extent.first + extent.count] = bytes(extent.count)
            self._reserved -= extent.count

    def release(self, extents: Sequence[Extent]) -> None:
        """Free the entries of a chain."""
        for extent in extents:
            end = extent.first + extent.count
            zeros = bytes(extent.count * self._entries.itemsize)
            self._entries[extent.first : end] = array(self._entries.format, zeros)
            self._used[extent.first : end] = bytes(extent.count)
            self._changed.append((extent.first, end))

    def link(self, extents: Sequence[Extent]) -> None:
        """Make reserved extents a chain."""
        followers = [extent.first for extent in extents[1:]]
        for extent, following in zip(extents, [*followers, self._end], strict=False):
            end = extent.first + extent.count
            self._entries[extent.first : end - 1] = array(self._entries.format, range(extent.first + 1, end))
            self._entries[end - 1] = following
            self._changed.append((extent.first, end))
            self._reserved -= extent.count

    def hang(self, first: int, last: int) -> None:
        """Lengthen the chain that ends in `last` by the one that begins with `first`."""
        self._entries[last] = first
        self._changed.append((last, last + 1))

    def taken_except(self, reached: bytearray) -> Sequence[Extent]:
        """The taken clusters that are not in `reached` (one byte each), without the bad ones."""
        lost = bytearray()
        for start in range(0, self.count, _BULK):
            taken = int.from_bytes(self._used[start : start + _BULK].translate(_USED), "little")
            known = int.from_bytes(reached[start : start + _BULK], "little")
            lost += (taken & ~known).to_bytes(min(_BULK, self.count - start), "little")
        bad = self._end - 8
        lost[0:2] = b"\0\0"
        for run in _TAKEN_RUN.finditer(bytes(lost)):
            for number in range(*run.span()):
                if self._entries[number] & self._end == bad:
                    lost[number] = 0
        return [Extent(run.start(), run.end() - run.start()) for run in _TAKEN_RUN.finditer(lost)]

    def heal(self) -> None:
        """Have the next `flush` make every copy equal to the first."""
        self._changed.append((0, self.count))

    def flush(self) -> None:
        """Write the changed sectors to every copy of the FAT."""
        sector = self._geometry.sector
        ranges = (self._byte_range(first, end) for first, end in self._changed)
        merged = _merged((start - start % sector, -(-end // sector) * sector) for start, end in ranges)
        self._changed.clear()
        raw = self._packed()
        for base in self._copies():
            for start, end in merged:
                self._blocks.write(base + start, raw[start : min(end, len(raw))])
        self._unproven = _merged([*self._unproven, *merged])

    def prove(self) -> None:
        """Read back what was written since last asked. Refusal(medium-unreadable) if it is not there."""
        raw = self._packed()
        for start, end in self._unproven:
            for at in range(start, min(end, len(raw)), _BULK):
                expected = raw[at : min(at + _BULK, end, len(raw))]
                for base in self._copies():
                    if self._blocks.read(base + at, len(expected)) != expected:
                        raise Refusal(
                            Code.MEDIUM_UNREADABLE, "the medium does not keep what is written to it"
                        )
        self._unproven.clear()

    def _copies(self) -> Sequence[int]:
        """Where on the volume the copies begin."""
        geometry = self._geometry
        return [geometry.table_offset + copy * geometry.table_size for copy in range(geometry.tables)]

    def _byte_range(self, first: int, end: int) -> tuple[int, int]:
        bits = self._geometry.bits
        return first * bits // 8, -(-end * bits // 8)

    def _packed(self) -> memoryview:
        if self._geometry.bits == 12:
            return memoryview(_pack12(self._entries))
        return self._entries.cast("B")


def _merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same ranges in order, with those that touch made one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _used_map(entries: memoryview) -> bytearray:
    """One byte per entry, zero where the entry is zero, by joining the entries' bytes in bulk."""
    used = bytearray()
    for start in range(0, len(entries), _BULK):
        raw = entries[start : start + _BULK].tobytes()
        planes = [raw[plane :: entries.itemsize] for plane in range(entries.itemsize)]
        if entries.itemsize == 4:
            planes[3] = planes[3].translate(_LOW_NIBBLE)
        joined = 0
        for plane in planes:
            joined |= int.from_bytes(plane, "little")
        used += joined.to_bytes(len(planes[0]), "little")
    return used


def _unpack12(raw: bytearray, count: int) -> list[int]:
    padded = bytes(raw) + b"\0\0"
    entries = []
    for number in range(count):
        (pair,) = struct.unpack_from("<H", padded, number * 3 // 2)
        entries.append(pair >> 4 if number & 1 else pair & 0xFFF)
    return entries


def _pack12(entries: memoryview) -> bytearray:
    raw = bytearray(-(-len(entries) * 3 // 2) + 1)
    for number, value in enumerate(entries):
        at = number * 3 // 2
        (pair,) = struct.unpack_from("<H", raw, at)
        pair |= value << 4 if number & 1 else value & 0xFFF
        struct.pack_into("<H", raw, at, pair & 0xFFFF)
    return raw[: -(-len(entries) * 3 // 2)]
