"""Which chunks a payload holds, and where in it their stored forms begin."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate

from media_format.objects.chunk_table import Chunk
from media_format.objects.envelope import Present, Run


class Presence:
    """Which chunks are there, counted over the whole release. Without `present` all of them are."""

    def __init__(self, present: Present | None) -> None:
        self._runs: Sequence[Run] | None = None if present is None else present.runs
        self._starts = [run.first for run in self._runs or ()]

    def of(self, first: int, count: int) -> bytes:
        """For each of `count` chunks from number `first`, 1 where the payload holds it and 0 where not."""
        if self._runs is None:
            return b"\1" * count
        flags = bytearray(count)
        place = max(bisect_right(self._starts, first) - 1, 0)
        for run in self._runs[place : bisect_right(self._starts, first + count - 1)]:
            begin = max(run.first - first, 0)
            end = min(run.first + run.count - first, count)
            if begin < end:  # the first run looked at may end before the chunks asked about
                flags[begin:end] = b"\1" * (end - begin)
        return bytes(flags)

    def holds(self, first: int, count: int) -> bool:
        """Whether all of `count` chunks from number `first` are there."""
        if self._runs is None:
            return True
        place = bisect_right(self._starts, first) - 1
        return place >= 0 and first + count <= self._runs[place].first + self._runs[place].count


def stored_offsets(chunks: Iterable[Chunk], there: bytes, start: int) -> tuple[int, ...]:
    """Where in the payload each chunk's stored form begins, and last where the one after them would.

    `there` says which of the chunks the payload holds, `start` where the first of these begins.
    """
    lengths = (chunk.stored_length * held for chunk, held in zip(chunks, there, strict=True))
    return tuple(accumulate(lengths, initial=start))
