"""Segments: one payload cut at a fixed boundary into files, so that FAT's 4 GiB limit does not matter."""

from __future__ import annotations

from media_format import layout, limits
from media_format.errors import Misuse
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Data, Volume


def segment_sizes(length: int, size: int) -> tuple[int, ...]:
    """The sizes of the files of a payload of `length` bytes. Refusal(too-large) for too many of them."""
    whole, rest = divmod(length, size)
    sizes = (size,) * whole + ((rest,) if rest else ())
    if len(sizes) > limits.MAX_SEGMENTS:
        raise Refusal(Code.TOO_LARGE, f"{len(sizes)} payload files, at most {limits.MAX_SEGMENTS} are allowed")
    return sizes


class SegmentWriter:
    """Appends a payload of exactly `length` bytes, beginning a new file at every boundary."""

    def __init__(self, volume: Volume, folder: str, length: int, size: int) -> None:
        self._volume = volume
        self._folder = folder
        self._sizes = segment_sizes(length, size)
        self._number = -1
        self._left = 0
        self._ticket: int | None = None

    def append(self, data: Data) -> None:
        """Write the next bytes. Misuse past the end, Refusal(medium-*)."""
        view = memoryview(data)
        while view:
            if self._ticket is None:
                self._begin()
            part = view[: self._left]
            self._append(part)
            view = view[len(part) :]

    def close(self) -> None:
        """Say that all is written. Misuse if bytes are missing."""
        if self._ticket is not None or self._number + 1 != len(self._sizes):
            self.discard()
            raise Misuse("the payload is shorter than was announced")

    def discard(self) -> None:
        """Give up the file that is being written."""
        if self._ticket is not None:
            self._volume.discard(self._ticket)
            self._ticket = None

    def _begin(self) -> None:
        self._number += 1
        if self._number == len(self._sizes):
            raise Misuse("the payload is longer than was announced")
        self._left = self._sizes[self._number]
        self._ticket = self._volume.begin(f"{self._folder}/{layout.segment(self._number)}", self._left)

    def _append(self, part: memoryview) -> None:
        assert self._ticket is not None
        self._volume.append(self._ticket, part)
        self._left -= len(part)
        if self._left == 0:
            self._volume.commit(self._ticket)
            self._ticket = None


class SegmentReader:
    """Reads a payload of `length` bytes as if it were one file."""

    def __init__(self, volume: Volume, folder: str, length: int, size: int) -> None:
        segment_sizes(length, size)
        self._volume = volume
        self._folder = folder
        self.length = length
        self._size = size

    def read_run(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`. Refusal(truncated) where they are not there."""
        if offset < 0 or length < 0 or offset + length > self.length:
            raise Refusal(Code.TRUNCATED, f"the payload ends at {self.length}, before {offset + length}")
        parts = []
        while length:
            number, start = divmod(offset, self._size)
            count = min(length, self._size - start)
            parts.append(self._volume.read_run(f"{self._folder}/{layout.segment(number)}", start, count))
            offset += count
            length -= count
        return parts[0] if len(parts) == 1 else b"".join(parts)
