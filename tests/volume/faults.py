"""Media that fail: power cut at any write, torn sectors, writes lost or reordered, errors, lies.

A `Recorder` notes what was written and when it was made durable. From its record the medium is made
as a cut would have left it, at any write and for any kind of loss, without playing it all again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Final

from media_format.refusal import Code, Refusal
from media_format.volume.seam import Data, ReadBack
from tests.volume.memory import Memory

SECTOR: Final = 512


class Loss(StrEnum):
    """What a cut does to the writes before it."""

    CUT = "cut"
    """All writes up to one are there, none after it."""
    TORN = "torn"
    """And of the next one only the first bytes, however few."""
    LOST = "lost"
    """What was not flushed is there in any mixture: of each sector, any state since the last flush."""
    LOST_AND_TORN = "lost and torn"
    """And some sectors are torn between two such states."""


@dataclass(frozen=True, slots=True)
class Written:
    """One write."""

    offset: int
    data: bytes


@dataclass(slots=True)
class Record:
    """A medium as it was, and what was done to it: writes, and None for each flush.

    `milestones` says after how many of these something was promised to be durable.
    """

    before: Memory
    events: list[Written | None] = field(default_factory=list)
    milestones: list[tuple[int, str]] = field(default_factory=list)

    @property
    def writes(self) -> list[int]:
        """The places of the writes among the events."""
        return [place for place, event in enumerate(self.events) if event is not None]

    def reached(self, place: int) -> list[str]:
        """What had been promised before the write at `place`."""
        return [what for after, what in self.milestones if after <= place]

    def cuts(self, loss: Loss, random: Random) -> Iterator[tuple[int, Memory]]:
        """The medium after a cut at each write: the write's place, and what is left."""
        done, flushed, pending = self.before.copy(), self.before.copy(), list[Written]()
        for place, event in enumerate(self.events):
            if event is None:
                flushed, pending = done.copy(), []
                continue
            pending.append(event)
            match loss:
                case Loss.CUT:
                    left = done.copy()
                    left.write(event.offset, event.data)
                case Loss.TORN:
                    left = done.copy()
                    left.write(
                        event.offset,
                        event.data[: _tear(done.read(event.offset, len(event.data)), event.data, random)],
                    )
                case _:
                    left = _mixture(flushed, pending, random, torn=loss is Loss.LOST_AND_TORN)
            done.write(event.offset, event.data)
            yield place, left


def _tear(old: bytes, new: bytes, random: Random) -> int:
    """How many bytes of a write are there: it ends right before one that makes a difference."""
    different = [place for place, byte in enumerate(new) if byte != old[place]]
    return random.choice(different) if different else 0


def _mixture(flushed: Memory, pending: list[Written], random: Random, *, torn: bool) -> Memory:
    """Each sector as it was at the flush, or as one of the writes since then has left it."""
    states: dict[int, list[bytes]] = {}
    for written in pending:
        data, offset = written.data, written.offset
        while data:
            sector, start = divmod(offset, SECTOR)
            part = data[: SECTOR - start]
            history = states.setdefault(sector, [flushed.read(sector * SECTOR, SECTOR)])
            last = history[-1]
            history.append(last[:start] + part + last[start + len(part) :])
            data, offset = data[len(part) :], offset + len(part)
    left = flushed.copy()
    for sector, history in states.items():
        chosen = random.randrange(len(history))
        state = history[chosen]
        if torn and chosen and random.random() < 0.5:
            end = _tear(history[chosen - 1], state, random)
            state = state[:end] + history[chosen - 1][end:]
        left.write(sector * SECTOR, state)
    return left


class Recorder(Memory):
    """A medium that keeps a record of what is done to it."""

    def __init__(self, medium: Memory) -> None:
        super().__init__(medium.size, medium.pages)
        self.record = Record(medium.copy())

    def write(self, offset: int, data: Data) -> None:
        super().write(offset, data)
        self.record.events.append(Written(offset, bytes(data)))

    def sync(self) -> None:
        self.record.events.append(None)

    def evict(self) -> ReadBack:
        self.sync()
        return super().evict()

    def promise(self, what: str) -> None:
        """Note that something is durable from here on."""
        self.record.milestones.append((len(self.record.events), what))


class Failing(Memory):
    """A medium that does not answer the operation `at`, counted from 0; with `dead`, nor any after it."""

    def __init__(self, medium: Memory, at: int, *, dead: bool) -> None:
        super().__init__(medium.size, medium.pages)
        self._left = at
        self._dead = dead
        self.failed = False

    def read(self, offset: int, length: int) -> bytes:
        self._count()
        return super().read(offset, length)

    def write(self, offset: int, data: Data) -> None:
        self._count()
        super().write(offset, data)

    def sync(self) -> None:
        self._count()

    def evict(self) -> ReadBack:
        self._count()
        return super().evict()

    def _count(self) -> None:
        self._left -= 1
        if self._left == -1 or (self._left < 0 and self._dead):
            self.failed = True
            raise Refusal(Code.MEDIUM_PULLED, "Input/output error")


class Lying(Memory):
    """A medium that answers the second read of a place with other bytes than the first."""

    def __init__(self, medium: Memory, random: Random) -> None:
        super().__init__(medium.size, medium.pages)
        self._random = random
        self._told: set[int] = set()

    def read(self, offset: int, length: int) -> bytes:
        data = bytearray(super().read(offset, length))
        if data and offset in self._told:
            for _ in range(self._random.randint(1, 8)):
                data[self._random.randrange(len(data))] = self._random.randrange(256)
        self._told.add(offset)
        return bytes(data)


class Slow(Memory):
    """A slow stick: every request costs a moment, every byte a little, every flush a long one.

    `seconds` is what it would have taken; nothing waits for it.
    """

    REQUEST: Final = 0.002
    FLUSH: Final = 0.1
    RATE: Final = 4_000_000
    """Bytes a second."""

    def __init__(self, medium: Memory) -> None:
        super().__init__(medium.size, medium.pages)
        self.seconds = 0.0

    def read(self, offset: int, length: int) -> bytes:
        self.seconds += self.REQUEST + length / self.RATE
        return super().read(offset, length)

    def write(self, offset: int, data: Data) -> None:
        self.seconds += self.REQUEST + len(data) / self.RATE
        super().write(offset, data)

    def sync(self) -> None:
        self.seconds += self.FLUSH
        super().sync()


class Forgetful(Memory):
    """A medium that acknowledges writes behind `end` and keeps nothing of them, as fake sticks do."""

    def __init__(self, medium: Memory, end: int) -> None:
        super().__init__(medium.size, medium.pages)
        self._end = end

    def write(self, offset: int, data: Data) -> None:
        if offset < self._end:
            super().write(offset, data)
