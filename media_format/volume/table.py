"""The file allocation table, held as bytes and worked on in bulk: no Python object per cluster."""

from __future__ import annotations

import re
import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from media_format.refusal import Code, Refusal
from media_format.volume.descriptor import Blocks
from media_format.volume.geometry import Geometry

_MASK: Final = {12: 0xFFF, 16: 0xFFFF, 32: 0x0FFFFFFF}
_FREE_RUN: Final = re.compile(rb"\x00+")
_LOW_NIBBLE: Final = bytes(value & 0x0F for value in range(256))
_BULK: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Extent:
    """`count` clusters that follow one another from `first`."""

    first: int
    count: int


class Table:
    """One FAT in memory, with a map of the clusters in use (one byte each).

    Reservations live in the map alone; `link` makes them entries, `flush` brings those to every copy.
    """

    def __init__(self, blocks: Blocks, geometry: Geometry) -> None:
        self._blocks = blocks
        self._geometry = geometry
        self._end = _MASK[geometry.bits]
        count = geometry.clusters + 2
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
        self._changed: list[tuple[int, int]] = []

    @property
    def free(self) -> int:
        """Free clusters."""
        return self._used.count(0)

    @property
    def clean(self) -> bool:
        """The volume flag in the second entry; FAT12 has none."""
        flag = {12: 0, 16: 0x8000, 32: 0x08000000}[self._geometry.bits]
        return self._entries[1] & flag == flag

    def mark(self, *, clean: bool) -> None:
        """Set the volume flag."""
        flag = {12: 0, 16: 0x8000, 32: 0x08000000}[self._geometry.bits]
        if flag:
            self._entries[1] = self._entries[1] | flag if clean else self._entries[1] & ~flag
            self._changed.append((1, 2))

    def chain(self, first: int, limit: int) -> list[Extent]:
        """The extents of a chain of at most `limit` clusters. Refusal(medium-unreadable) if it is longer or broken."""
        extents: list[Extent] = []
        number, start, left = first, first, limit
        mask = self._end
        while True:
            if left == 0 or not self._geometry.holds(number):
                raise Refusal(Code.MEDIUM_UNREADABLE, "a cluster chain is cyclic, too long or leads nowhere")
            left -= 1
            following = self._entries[number] & mask
            if following != number + 1:
                extents.append(Extent(start, number + 1 - start))
                if following >= mask - 7:
                    return extents
                start = following
            number = following

    def reserve(self, count: int) -> list[Extent]:
        """Take `count` free clusters, in one run if there is one. Refusal(medium-full)."""
        if count == 0:
            return []
        if count > self.free:
            raise Refusal(Code.MEDIUM_FULL, f"{count} clusters are needed, {self.free} are free")
        whole = self._used.find(bytes(count))
        found = [Extent(whole, count)] if whole >= 0 else self._fragments(count)
        for extent in found:
            self._used[extent.first : extent.first + extent.count] = b"\x01" * extent.count
        return found

    def _fragments(self, count: int) -> list[Extent]:
        found: list[Extent] = []
        for run in _FREE_RUN.finditer(self._used):
            taken = min(count, run.end() - run.start())
            found.append(Extent(run.start(), taken))
            count -= taken
            if count == 0:
                break
        return found

    def release(self, extents: Sequence[Extent]) -> None:
        """Give back reserved clusters, or the entries of a chain."""
        for extent in extents:
            end = extent.first + extent.count
            self._entries[extent.first : end] = array(
                self._entries.format, bytes(extent.count * self._entries.itemsize)
            )
            self._used[extent.first : end] = bytes(extent.count)
            self._changed.append((extent.first, end))

    def link(self, extents: Sequence[Extent], after: int | None = None) -> None:
        """Make reserved extents a chain, hung on the cluster `after` if there is one."""
        if not extents:
            return
        firsts = [extent.first for extent in extents]
        for extent, following in zip(extents, [*firsts[1:], self._end], strict=True):
            end = extent.first + extent.count
            self._entries[extent.first : end - 1] = array(self._entries.format, range(extent.first + 1, end))
            self._entries[end - 1] = following
            self._changed.append((extent.first, end))
        if after is not None:
            self._entries[after] = firsts[0]
            self._changed.append((after, after + 1))

    def flush(self) -> None:
        """Write the changed sectors to every copy of the FAT."""
        sector = self._geometry.sector
        ranges = sorted(self._byte_range(first, end) for first, end in self._changed)
        self._changed.clear()
        merged: list[tuple[int, int]] = []
        for start, end in ranges:
            start, end = start - start % sector, -(-end // sector) * sector
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        raw = self._packed()
        for copy in range(self._geometry.tables):
            base = self._geometry.table_offset + copy * self._geometry.table_size
            for start, end in merged:
                self._blocks.write(base + start, raw[start : min(end, len(raw))])

    def _byte_range(self, first: int, end: int) -> tuple[int, int]:
        bits = self._geometry.bits
        return first * bits // 8, -(-end * bits // 8)

    def _packed(self) -> memoryview:
        if self._geometry.bits == 12:
            return memoryview(_pack12(self._entries))
        return self._entries.cast("B")


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
