"""Sets of clusters: one bit each, worked on in bulk, so that a volume of 2 TiB costs 8 MiB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from media_format.volume.extents import Extent

_CHUNK: Final = 65536
_RUN: Final = re.compile("1+")
_DIGITS: Final = bytes.maketrans(b"\0\1", b"01")


class ClusterSet:
    """Cluster numbers from 0 to `count` - 1."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._bits = bytearray(-(-count // 8))

    def __len__(self) -> int:
        return int.from_bytes(self._bits, "little").bit_count()

    def add(self, extent: Extent) -> None:
        """Put the clusters of an extent in."""
        self._set(extent, 0xFF)

    def remove(self, extent: Extent) -> None:
        """Take the clusters of an extent out."""
        self._set(extent, 0x00)

    def update(self, other: ClusterSet) -> None:
        """Put in what another set of the same size holds."""
        joined = int.from_bytes(self._bits, "little") | int.from_bytes(other._bits, "little")
        self._bits[:] = joined.to_bytes(len(self._bits), "little")

    def put(self, first: int, flags: bytes) -> None:
        """Set what is known of the clusters from `first`, a multiple of 8: one byte each, 0 or 1."""
        packed = int(flags.translate(_DIGITS)[::-1], 2).to_bytes(-(-len(flags) // 8), "little")
        self._bits[first // 8 : first // 8 + len(packed)] = packed

    def touches(self, extent: Extent) -> bool:
        """Whether any cluster of an extent is in the set."""
        end = extent.first + extent.count
        whole = int.from_bytes(self._bits[extent.first // 8 : -(-end // 8)], "little")
        return bool(whole >> extent.first % 8 & (1 << extent.count) - 1)

    def absent(self) -> Iterator[Extent]:
        """The runs of clusters that are not in the set."""
        return _runs((start, bits ^ (1 << length) - 1, length) for start, bits, length in self._chunks())

    def without(self, *others: ClusterSet) -> Iterator[Extent]:
        """The runs of clusters that are in this set and in none of the others.

        This set may lose what was already given out while the runs are walked.
        """
        return _runs(self._differences(others))

    def _differences(self, others: tuple[ClusterSet, ...]) -> Iterator[tuple[int, int, int]]:
        for start, bits, length in self._chunks():
            for other in others:
                bits &= ~other._chunk(start)
            yield start, bits, length

    def _chunks(self) -> Iterator[tuple[int, int, int]]:
        """First cluster, bits and length of each part."""
        for start in range(0, self.count, _CHUNK):
            yield start, self._chunk(start), min(_CHUNK, self.count - start)

    def _chunk(self, start: int) -> int:
        return int.from_bytes(self._bits[start // 8 : (start + _CHUNK) // 8], "little")

    def _set(self, extent: Extent, value: int) -> None:
        head, low = divmod(extent.first, 8)
        tail, high = divmod(extent.first + extent.count, 8)
        from_low, below_high = 0xFF << low & 0xFF, (1 << high) - 1
        if head == tail:
            self._set_byte(head, from_low & below_high, value)
            return
        self._set_byte(head, from_low, value)
        self._bits[head + 1 : tail] = bytes([value]) * (tail - head - 1)
        if high:
            self._set_byte(tail, below_high, value)

    def _set_byte(self, place: int, mask: int, value: int) -> None:
        self._bits[place] = self._bits[place] & ~mask | value & mask


def _runs(chunks: Iterable[tuple[int, int, int]]) -> Iterator[Extent]:
    """The runs of ones, joined where one chunk's last meets the next one's first."""
    first = end = 0
    for start, bits, length in chunks:
        for run in _RUN.finditer(format(bits, f"0{length}b")[::-1]) if bits else ():
            if start + run.start() != end or first == end:
                if first < end:
                    yield Extent(first, end - first)
                first = start + run.start()
            end = start + run.end()
    if first < end:
        yield Extent(first, end - first)
