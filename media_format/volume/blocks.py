"""Blocks: a run of bytes on a medium, the whole of it or a partition."""

from __future__ import annotations

from typing import Protocol

from media_format.refusal import Code, Refusal
from media_format.volume.seam import Data, ReadBack


class Blocks(Protocol):
    """A run of bytes on a medium, from 0 to `size`."""

    @property
    def size(self) -> int:
        """Bytes there are."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes; Refusal(medium-unreadable) outside the run."""
        ...

    def write(self, offset: int, data: Data) -> None:
        """Write all of `data`."""
        ...

    def sync(self) -> None:
        """Return when everything written is on the medium."""
        ...

    def evict(self) -> ReadBack:
        """Sync, and let reads come from the medium until the next write."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Window:
    """A part of a medium: one partition, seen as if it were the whole."""

    def __init__(self, blocks: Blocks, start: int, size: int) -> None:
        self._blocks = blocks
        self._start = start
        self.size = size

    def read(self, offset: int, length: int) -> bytes:
        self._check(offset, length)
        return self._blocks.read(self._start + offset, length)

    def write(self, offset: int, data: Data) -> None:
        self._check(offset, len(data))
        self._blocks.write(self._start + offset, data)

    def sync(self) -> None:
        self._blocks.sync()

    def evict(self) -> ReadBack:
        return self._blocks.evict()

    def close(self) -> None:
        self._blocks.close()

    def _check(self, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise Refusal(Code.MEDIUM_UNREADABLE, "the file system reaches past its partition's end")
