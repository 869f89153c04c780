"""The bytes of the file allocation table: read a page at a time, written to every copy, read back."""

from __future__ import annotations

import hashlib
import struct
from array import array
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from media_format.refusal import Code, Refusal
from media_format.volume.blocks import Blocks
from media_format.volume.geometry import Geometry

_PAGE: Final = 16 * 1024
_MAX_PAGES: Final = 1024
"""Kept in memory: 16 MiB. Whole, the FAT of 2 TiB would take 128 MiB or more."""
_BULK: Final = 1024 * 1024


class Entries(Protocol):
    """The entries of a page, counted from its first."""

    def __getitem__(self, place: int) -> int: ...

    def __setitem__(self, place: int, value: int) -> None: ...


class Packed12:
    """Entries of 12 bits, two in three bytes."""

    def __init__(self, raw: bytearray) -> None:
        self._raw = raw

    def __getitem__(self, place: int) -> int:
        (pair,) = struct.unpack_from("<H", self._raw, place * 3 // 2)
        return int(pair >> 4 if place & 1 else pair & 0xFFF)

    def __setitem__(self, place: int, value: int) -> None:
        (pair,) = struct.unpack_from("<H", self._raw, place * 3 // 2)
        pair = pair & 0x000F | value << 4 if place & 1 else pair & 0xF000 | value
        struct.pack_into("<H", self._raw, place * 3 // 2, pair)


@dataclass(slots=True)
class _Page:
    """A part of the FAT. The bytes from `low` to `high` differ from the medium's."""

    raw: bytearray
    entries: Entries
    low: int = 0
    high: int = 0


@dataclass(frozen=True, slots=True)
class _Proof:
    """What was written to a page since the last reading back: the bytes from `low` to `high`."""

    low: int
    high: int
    digest: bytes


class Pages:
    """The FAT as its copy number `copy` has it.

    A changed page may reach the medium before `flush`: no name leads to what was changed in it.
    """

    def __init__(self, blocks: Blocks, geometry: Geometry, copy: int) -> None:
        self._blocks = blocks
        self._geometry = geometry
        bits, sector = geometry.bits, geometry.sector
        # All of a FAT12 fits into one page.
        self.per_page = _PAGE * 8 // (16 if bits == 12 else bits)
        self._base = geometry.table_offset + copy * geometry.table_size
        self._size = _up((geometry.clusters + 2) * bits, 8 * sector) // 8
        self._pages: OrderedDict[int, _Page] = OrderedDict()
        self._unproven: dict[int, _Proof] = {}

    def entries(self, index: int) -> Entries:
        """The entries of page `index`, for reading."""
        return self._page(index).entries

    def change(self, first: int, values: Sequence[int]) -> None:
        """Set the entries from `first` on."""
        for page, place, start, end in self._places(first, len(values)):
            _put(page.entries, place, values[start:end])

    def clear(self, first: int, count: int) -> None:
        """Set entries to zero."""
        for page, place, start, end in self._places(first, count):
            _put(page.entries, place, [0] * (end - start))

    def parts(self) -> Iterator[bytes]:
        """The whole of it in parts of 1 MiB, past the pages in memory: what is there has been flushed."""
        for start in range(0, self._size, _BULK):
            yield self._blocks.read(self._base + start, min(_BULK, self._size - start))

    def flush(self, *, apart: bool = False) -> None:
        """Write the changed pages to every copy; `apart` has one durable before the next is touched."""
        changed = [index for index, page in self._pages.items() if page.high]
        for number, base in enumerate(self._copies()):
            if number and apart:
                self._blocks.sync()
            for index in changed:
                self._write(index, self._pages[index], base)
        for index in changed:
            self._written(index, self._pages[index])

    def heal(self) -> None:
        """Make every copy equal to this one."""
        others = [base for base in self._copies() if base != self._base]
        for number, part in enumerate(self.parts() if others else ()):
            for base in others:
                if self._blocks.read(base + number * _BULK, len(part)) != part:
                    self._blocks.write(base + number * _BULK, part)

    def prove(self) -> None:
        """Read back what was written since last asked. Refusal(medium-unreadable) if it is not there."""
        for index, proof in self._unproven.items():
            for base in self._copies():
                read = self._blocks.read(base + index * _PAGE + proof.low, proof.high - proof.low)
                if _digest(read) != proof.digest:
                    raise Refusal(Code.MEDIUM_UNREADABLE, "the medium does not keep what is written to it")
        self._unproven.clear()

    def _page(self, index: int) -> _Page:
        page = self._pages.get(index)
        if page is not None:
            self._pages.move_to_end(index)
            return page
        if len(self._pages) >= _MAX_PAGES:
            self._drop_oldest()
        start = index * _PAGE
        raw = bytearray(self._blocks.read(self._base + start, min(_PAGE, self._size - start)))
        page = _Page(raw, _entries(raw, self._geometry.bits))
        self._pages[index] = page
        return page

    def _drop_oldest(self) -> None:
        index, page = next(iter(self._pages.items()))
        if page.high:
            for base in self._copies():
                self._write(index, page, base)
            self._written(index, page)
        del self._pages[index]

    def _places(self, first: int, count: int) -> Iterator[tuple[_Page, int, int, int]]:
        """The pages that hold these entries: a page, the place in it, and which of the entries it holds.

        Their sectors count as changed.
        """
        bits, unit = self._geometry.bits, 8 * self._geometry.sector
        done = 0
        while done < count:
            index, place = divmod(first + done, self.per_page)
            end = min(count, done + self.per_page - place)
            page = self._page(index)
            low, high = place * bits // unit * unit // 8, _up((place + end - done) * bits, unit) // 8
            page.low = min(page.low, low) if page.high else low
            page.high = max(page.high, high)
            yield page, place, done, end
            done = end

    def _write(self, index: int, page: _Page, base: int) -> None:
        low, high = self._span(index, page)
        self._blocks.write(base + index * _PAGE + low, page.raw[low:high])

    def _written(self, index: int, page: _Page) -> None:
        low, high = self._span(index, page)
        self._unproven[index] = _Proof(low, high, _digest(page.raw[low:high]))
        page.low = page.high = 0

    def _span(self, index: int, page: _Page) -> tuple[int, int]:
        """What is written: the changes, and all that was not read back yet, so that one digest tells."""
        proof = self._unproven.get(index)
        if proof is None:
            return page.low, page.high
        return min(page.low, proof.low), max(page.high, proof.high)

    def _copies(self) -> Sequence[int]:
        """Where on the volume the copies begin."""
        geometry = self._geometry
        return [geometry.table_offset + copy * geometry.table_size for copy in range(geometry.tables)]


def _entries(raw: bytearray, bits: int) -> Entries:
    if bits == 12:
        return Packed12(raw)
    return memoryview(raw).cast("H") if bits == 16 else memoryview(raw).cast("I")


def _put(entries: Entries, place: int, values: Sequence[int]) -> None:
    if isinstance(entries, memoryview):
        entries[place : place + len(values)] = array(entries.format, values)
    else:
        for at, value in enumerate(values, place):
            entries[at] = value


def _up(value: int, unit: int) -> int:
    """The next multiple of `unit`."""
    return -(-value // unit) * unit


def _digest(data: bytes | bytearray) -> bytes:
    return hashlib.sha256(data).digest()
