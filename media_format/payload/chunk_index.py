"""An index of chunks by their digests, small enough for a device's memory."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Final

MAX_INDEXED: Final = 2**18
"""Chunks of a release whose index fits any machine this runs on: 9 MiB, and 30 MiB while it is made.

That is a component of 16 GiB with chunks of 64 KiB. Releases with more chunks are no base.
"""
_DIGEST: Final = 32
_NUMBER: Final = 4
_ENTRY: Final = _DIGEST + _NUMBER


class ChunkIndex:
    """Finds chunks by their SHA-256. Takes the digests in the order of the chunks."""

    def __init__(self, digests: Iterable[bytes] = ()) -> None:
        entries = sorted(digest + number.to_bytes(_NUMBER, "big") for number, digest in enumerate(digests))
        self._entries = b"".join(entries)

    def find(self, digest: bytes) -> int | None:
        """The number of the first chunk with this digest, None where there is none."""
        place = bisect_left(range(len(self)), digest, key=self._digest)
        if place == len(self) or self._digest(place) != digest:
            return None
        end = (place + 1) * _ENTRY
        return int.from_bytes(self._entries[end - _NUMBER : end], "big")

    def __len__(self) -> int:
        return len(self._entries) // _ENTRY

    def _digest(self, place: int) -> bytes:
        return self._entries[place * _ENTRY : place * _ENTRY + _DIGEST]
