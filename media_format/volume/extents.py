"""Runs of clusters, and where the bytes of a file or folder stand in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from media_format.refusal import Code, Refusal
from media_format.volume.geometry import Geometry


@dataclass(frozen=True, slots=True)
class Extent:
    """`count` clusters that follow one another from `first`."""

    first: int
    count: int


class Placement:
    """The extents of one chain, in order."""

    def __init__(self, extents: Sequence[Extent], geometry: Geometry) -> None:
        self.extents = tuple(extents)
        self._geometry = geometry
        self._ends = tuple(accumulate(extent.count * geometry.cluster for extent in extents))

    @property
    def size(self) -> int:
        """Bytes there is room for."""
        return self._ends[-1] if self._ends else 0

    @property
    def last(self) -> int:
        """The last cluster."""
        return self.extents[-1].first + self.extents[-1].count - 1

    def runs(self, offset: int, length: int) -> Sequence[tuple[int, int]]:
        """Where on the volume `length` bytes from `offset` stand: (offset, length) of their pieces.

        Refusal(medium-unreadable) where the chain is too short for them.
        """
        if offset + length > self.size:
            raise Refusal(Code.MEDIUM_UNREADABLE, "a file has fewer clusters than its size needs")
        found = []
        index = bisect_right(self._ends, offset)
        while length:
            count = min(length, self._ends[index] - offset)
            extent = self.extents[index]
            before_end = self._ends[index] - offset
            end = self._geometry.cluster_offset(extent.first + extent.count)
            found.append((end - before_end, count))
            offset += count
            length -= count
            index += 1
        return found
