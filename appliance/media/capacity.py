"""Whether a medium holds what it claims. Fakes wrap around, or drop what is written past their real end.

Quick: blocks of random content are written at places across the medium and into one region at its end,
then read back past the page cache. A medium that wraps around shows the region a second time, at a
distance of its real size: the whole medium is searched for that in steps of the region's length, so no
real size above that length escapes. What stood in those places is put back.

Full: every block is written and read back. Nothing is put back.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from media_format.limits import MIB
from media_format.progress import Progress, Report
from media_format.refusal import Code, Refusal
from media_format.volume.blocks import Blocks

PHASE: Final = "check capacity"
_SECTOR: Final = 512
_SAMPLE: Final = 4096
_SAMPLES: Final = 16
_STEPS: Final = 4096
"""About so many places are searched for what a medium that wraps around shows twice."""
_MIN_REGION: Final = 4 * MIB
_MAX_REGION: Final = 64 * MIB
_BULK: Final = 4 * MIB


@dataclass(frozen=True, slots=True)
class _Place:
    offset: int
    length: int


class Pattern:
    """Content that no medium can guess or repeat: a key stream (AES-128 in counter mode) by offset."""

    def __init__(self, key: bytes) -> None:
        self._algorithm = algorithms.AES(key)

    def at(self, offset: int, length: int) -> bytes:
        """What belongs into `length` bytes from `offset`, a multiple of 16."""
        counter = (offset // 16).to_bytes(16, "big")
        return Cipher(self._algorithm, modes.CTR(counter)).encryptor().update(bytes(length))


def check_quickly(blocks: Blocks, report: Report) -> None:
    """Refusal(medium-fake-capacity), unless the medium answers like an honest one. Leaves it as it was."""
    pattern = Pattern(os.urandom(16))
    region = _region(blocks.size)
    places = (*_samples(region.offset), region)
    with _put_back(blocks, places):
        for place in places:
            _write(blocks, place, pattern)
        _settle(blocks)
        for place in places:
            _compare(blocks, place, pattern)
        _search(blocks, region, pattern, report)


def check_fully(blocks: Blocks, report: Report) -> None:
    """Refusal(medium-fake-capacity), unless every block holds what is written to it. Destroys the content."""
    pattern = Pattern(os.urandom(16))
    places = [
        _Place(offset, min(_BULK, blocks.size - offset) // _SECTOR * _SECTOR)
        for offset in range(0, blocks.size, _BULK)
    ]
    total = 2 * blocks.size
    for place in places:
        _write(blocks, place, pattern)
        report(Progress(PHASE, place.offset + place.length, total))
    _settle(blocks)
    for place in places:
        _compare(blocks, place, pattern)
        report(Progress(PHASE, blocks.size + place.offset + place.length, total))


def _region(size: int) -> _Place:
    wanted = min(max(_MIN_REGION, size // _STEPS // MIB * MIB), _MAX_REGION)
    length = min(wanted, size // 4 // _SAMPLE * _SAMPLE)
    return _Place(size // _SAMPLE * _SAMPLE - length, length)


def _samples(end: int) -> Iterator[_Place]:
    """Places spread over what lies below `end`, each anywhere within its share."""
    share = end // _SAMPLES // _SAMPLE
    if share:
        for number in range(_SAMPLES):
            jitter = int.from_bytes(os.urandom(8), "big") % share
            yield _Place((number * share + jitter) * _SAMPLE, _SAMPLE)


@contextmanager
def _put_back(blocks: Blocks, places: Sequence[_Place]) -> Iterator[None]:
    """Save what stands in some places, and put it back whatever happens.

    Where two places are one and the same on a medium that wraps around, they are saved with the same
    content, because everything is read before anything is written.
    """
    saved = []
    for place in places:
        with _beyond_the_end(blocks, place):
            saved.append((place, blocks.read(place.offset, place.length)))
    try:
        yield
    except BaseException:
        with suppress(Refusal):
            _restore(blocks, saved)
        raise
    _restore(blocks, saved)


def _restore(blocks: Blocks, saved: Sequence[tuple[_Place, bytes]]) -> None:
    for place, content in saved:
        blocks.write(place.offset, content)
    blocks.sync()


def _write(blocks: Blocks, place: _Place, pattern: Pattern) -> None:
    with _beyond_the_end(blocks, place):
        blocks.write(place.offset, pattern.at(place.offset, place.length))


def _settle(blocks: Blocks) -> None:
    """Errors of writes that the page cache took come now, without saying where: at the end, most likely."""
    with _beyond_the_end(blocks, _Place(blocks.size, 0)):
        blocks.sync()
        blocks.evict()


def _compare(blocks: Blocks, place: _Place, pattern: Pattern) -> None:
    with _beyond_the_end(blocks, place):
        found = blocks.read(place.offset, place.length)
    wanted = pattern.at(place.offset, place.length)
    if found != wanted:
        sectors = range(0, place.length, _SECTOR)
        bad = next(at for at in sectors if found[at : at + _SECTOR] != wanted[at : at + _SECTOR])
        raise _fake(blocks, f"what was written at {_size(place.offset + bad)} is not there")


def _search(blocks: Blocks, region: _Place, pattern: Pattern, report: Report) -> None:
    """From the end to the beginning, so that the first find is the nearest: its distance is the real size."""
    content = pattern.at(region.offset, region.length)
    known = {content[at : at + 16]: region.offset + at for at in range(0, region.length, _SECTOR)}
    for offset in reversed(range(region.offset % region.length, region.offset, region.length)):
        with _beyond_the_end(blocks, _Place(offset, _SECTOR)):
            home = known.get(blocks.read(offset, _SECTOR)[:16])
        if home is not None:
            raise _fake(blocks, f"it begins anew after {_size(home - offset)}")
        report(Progress(PHASE, region.offset - offset, region.offset))


@contextmanager
def _beyond_the_end(blocks: Blocks, place: _Place) -> Iterator[None]:
    """An error at one place of a medium that answers at its beginning: that place does not exist."""
    try:
        yield
    except Refusal as refusal:
        if refusal.code not in (Code.MEDIUM_PULLED, Code.MEDIUM_UNREADABLE):
            raise
        if _answers(blocks):
            raise _fake(blocks, f"it answers with an error at {_size(place.offset)}") from None
        raise


def _answers(blocks: Blocks) -> bool:
    try:
        blocks.read(0, _SECTOR)
    except Refusal:
        return False
    return True


def _fake(blocks: Blocks, why: str) -> Refusal:
    return Refusal(Code.MEDIUM_FAKE_CAPACITY, f"the medium claims {_size(blocks.size)}, but {why}")


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 10**9 else f"{count / 1e6:.2f} MB"
