"""Segments: one payload cut at a fixed boundary into files, so that FAT's 4 GiB limit does not matter."""

from __future__ import annotations

from media_format import layout, limits
from media_format.errors import Misuse
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Data, Volume


def segment_sizes(length: int, size: int) -> tuple[int, ...]:
    """The sizes of the files of a payload of `length` bytes, cut every `size` bytes.

    Raises Refusal(too-large) for too many files, Refusal(malformed) for a boundary that is none.
    """
    if length < 0 or not 0 < size <= limits.MAX_SEGMENT_SIZE or size % limits.SEGMENT_UNIT:
        raise Refusal(Code.MALFORMED, f"a payload of {length} bytes cannot be cut every {size} bytes")
    whole, rest = divmod(length, size)
    count = whole + bool(rest)
    if count > limits.MAX_SEGMENTS:
        raise Refusal(Code.TOO_LARGE, f"{count} payload files, at most {limits.MAX_SEGMENTS} are allowed")
    return (size,) * whole + ((rest,) if rest else ())


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
        self._ticket = self._volume.begin(
            layout.inside(self._folder, layout.segment(self._number)), self._left
        )

    def _append(self, part: memoryview) -> None:
        assert self._ticket is not None
        self._volume.append(self._ticket, part)
        self._left -= len(part)
        if self._left == 0:
            self._volume.commit(self._ticket)
            self._ticket = None


class SegmentReader:
    """Reads a payload of `length` bytes as if it were one file.

    The sizes of the files are looked at first, so that a half-copied package is refused before
    anything is done with it: Refusal(truncated) for files that are missing or short,
    Refusal(malformed) for longer ones.
    """

    def __init__(self, volume: Volume, folder: str, length: int, size: int) -> None:
        found = {entry.name.upper(): entry.size for entry in volume.list(folder) if not entry.folder}
        for number, expected in enumerate(segment_sizes(length, size)):
            _check_size(layout.segment(number), found.get(layout.segment(number), 0), expected)
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
            parts.append(
                self._volume.read_run(layout.inside(self._folder, layout.segment(number)), start, count)
            )
            offset += count
            length -= count
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _check_size(name: str, found: int, expected: int) -> None:
    if found < expected:
        raise Refusal(Code.TRUNCATED, f"{name} has {found} of {expected} bytes")
    if found > expected:
        raise Refusal(Code.MALFORMED, f"{name} has {found} bytes where {expected} belong")
