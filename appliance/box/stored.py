"""Passing a package's stored chunks through: each is held against its signed digest on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import compress
from typing import Final

from appliance.trust.pages import VerifiedPage
from media_format.objects import Chunk
from media_format.payload.cobblestone import Opener, Plain, room_for
from media_format.payload.presence import Presence
from media_format.payload.segments import SegmentReader
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Data

RUN: Final = 4 * 1024 * 1024
"""Bytes read from a medium at once."""
_ALL: Final = Presence(None)


class StoredCheck:
    """Takes the stored data of a release in order, and refuses the first chunk that is not as signed.

    `pages` are the verified pages in order; they are asked for as the data reaches them. `presence` says
    which of their chunks the data holds.
    """

    def __init__(self, pages: Iterable[VerifiedPage], presence: Presence = _ALL) -> None:
        self._chunks = _present(pages, presence)
        self._chunk: Chunk | None = None
        self._digest = hashlib.sha256()
        self._left = 0
        self._begin()

    def update(self, data: Data) -> None:
        """Take the next bytes. Refusal(digest-mismatch)."""
        view = memoryview(data)
        while view:
            if self._chunk is None:
                raise Refusal(Code.DIGEST_MISMATCH, "the payload holds more than the chunk table lists")
            part = view[: self._left]
            self._digest.update(part)
            self._left -= len(part)
            view = view[len(part) :]
            if self._left == 0:
                self._end()

    def finalize(self) -> None:
        """Say that this was all. Refusal(truncated) if chunks are missing."""
        if self._chunk is not None:
            raise Refusal(Code.TRUNCATED, "the payload ends before its last chunk")

    def _begin(self) -> None:
        self._chunk = next((chunk for chunk in self._chunks if chunk.stored_length), None)
        self._digest = hashlib.sha256()
        self._left = self._chunk.stored_length if self._chunk else 0

    def _end(self) -> None:
        assert self._chunk is not None
        if self._digest.digest() != self._chunk.stored_digest:
            raise _not_as_signed()
        self._begin()


def _present(pages: Iterable[VerifiedPage], presence: Presence) -> Iterator[Chunk]:
    number = 0
    for page in pages:
        yield from compress(page.chunks, presence.of(number, len(page.chunks)))
        number += len(page.chunks)


class OpenedCheck:
    """Takes ciphertext in order: it must open, and hold what `check` takes. What was opened is forgotten."""

    def __init__(self, opener: Opener, check: StoredCheck) -> None:
        self._opener = opener
        self._check = check
        self._memory = bytearray(room_for(RUN))

    def update(self, data: bytes) -> None:
        """Take the next `RUN` bytes or fewer. Refusal(decryption-failed) or (digest-mismatch)."""
        self._check.update(self._opener.update_into(data, self._memory))

    def finalize(self) -> None:
        """Say that this was all. Refusal(truncated) too."""
        self._check.update(self._opener.finalize())
        self._check.finalize()


def selected_runs(payload: Plain, pages: Iterable[VerifiedPage], presence: Presence) -> Iterator[bytes]:
    """The stored forms of the chunks that are there, one after another, checked; nothing else is read.

    Refusal(digest-mismatch) for one that is not as signed, and what `payload` raises.
    """
    number = 0
    for page in pages:
        there = presence.of(number, len(page.chunks))
        number += len(page.chunks)
        for first, end in _stretches(page, there):
            begin = page.offsets[first]
            stop = page.offsets[end] if end < len(page.chunks) else page.end
            stored = payload.read(begin, stop - begin)
            _check(page.chunks[first:end], stored)
            yield stored


def _check(chunks: Iterable[Chunk], stored: bytes) -> None:
    place = 0
    for chunk in chunks:
        form = memoryview(stored)[place : place + chunk.stored_length]
        if form and hashlib.sha256(form).digest() != chunk.stored_digest:
            raise _not_as_signed()
        place += len(form)


def _stretches(page: VerifiedPage, there: bytes) -> Iterator[tuple[int, int]]:
    """Places of chunks that stand together and are all there: up to a `RUN` of stored bytes and one more."""
    first = there.find(1)
    while first >= 0:
        end = first + 1
        while end < len(there) and there[end] and page.offsets[end] - page.offsets[first] < RUN:
            end += 1
        yield first, end
        first = there.find(1, end)


def ciphertext_runs(payload: SegmentReader) -> Iterator[bytes]:
    """The payload as it stands on the medium, from beginning to end."""
    for offset in range(0, payload.length, RUN):
        yield payload.read_run(offset, min(RUN, payload.length - offset))


def opened_runs(payload: SegmentReader, opener: Opener, check: StoredCheck) -> Iterator[tuple[bytes, bytes]]:
    """Pairs of ciphertext and the stored data it holds, checked; refusals of the opener and the check."""
    for sealed in ciphertext_runs(payload):
        stored = opener.update(sealed)
        check.update(stored)
        yield sealed, stored
    stored = opener.finalize()
    check.update(stored)
    check.finalize()
    yield b"", stored


def _not_as_signed() -> Refusal:
    return Refusal(Code.DIGEST_MISMATCH, "a chunk is not what the vendor signed")
