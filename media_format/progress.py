"""Progress of long work, as a stream of small values, and the pace that follows from it.

Command line and kiosk both show what stands here; the clock is theirs and passed in, in seconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Self

SETTLED: Final = 1.0
"""Seconds after which speed and remaining time are worth showing."""
STALLED: Final = 5.0
"""Seconds without a byte after which nothing is foretold any more."""
_MEMORY: Final = 5.0
"""Seconds over which the speed is smoothed: what is longer ago counts for less and less."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one phase of the work is: `done` of `total` bytes."""

    phase: str
    done: int
    total: int


Report = Callable[[Progress], None]
"""Receives progress; called often, so it must be quick."""


def silent(progress: Progress) -> None:
    """A report that nobody reads."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How far work is, how fast it goes, and how long it will take still. Times in seconds, of one clock.

    It is about `packages` packages, each of which goes through `phases` in order. Where the phases are not
    known beforehand (none), it is about the phase that runs.
    """

    phases: tuple[str, ...]
    packages: int
    began: float
    package: int = 0
    phase: str = ""
    phase_began: float = 0.0
    now: float = 0.0
    done: int = 0
    total: int = 0
    moved: float = 0.0
    """When the last byte was done."""
    rate: float | None = None
    """Bytes a second, smoothed; None before anything was measured in this phase."""

    def advanced(self, progress: Progress, now: float) -> Self:
        """After a report at `now`. A package begins where its first phase does."""
        pace = self
        if progress.phase != self.phase or progress.done < self.done:
            first = not self.phases or progress.phase == self.phases[0]
            pace = replace(
                pace, package=pace.package + first, phase_began=now, done=progress.done, moved=now, rate=None
            )
        elif progress.done > self.done and now > self.moved:
            pace = replace(pace, rate=self._smoothed(progress.done - self.done, now - self.moved), moved=now)
        return replace(pace, phase=progress.phase, now=now, done=progress.done, total=progress.total)

    def at(self, now: float) -> Self:
        """As time has passed without a report."""
        return replace(self, now=max(now, self.now))

    @property
    def fraction(self) -> float:
        """How much of everything is done, from 0 to 1."""
        steps = max(1, len(self.phases)) * self.packages
        return min(1.0, max(0.0, 1.0 - self._steps_left / steps)) if self._known else 0.0

    @property
    def speed(self) -> float | None:
        """Bytes a second; None in the first second of a phase and in a stall."""
        settled = self.now - self.phase_began >= SETTLED
        return self.rate if settled and not self.stalled else None

    @property
    def left(self) -> float | None:
        """Seconds until everything is done, later phases at the speed of this one; None as for `speed`."""
        speed = self.speed
        if not speed or not self._known or self.now - self.began < SETTLED:
            return None
        return max(0.0, self._steps_left) * self.total / speed

    @property
    def stalled(self) -> bool:
        """Whether nothing has moved for a while, though there is something to do."""
        return bool(self.phase) and self.done < self.total and self.now - self.moved >= STALLED

    @property
    def _known(self) -> bool:
        return bool(self.package) and (not self.phases or self.phase in self.phases)

    @property
    def _steps_left(self) -> float:
        """Phases that are still to be done, over all packages."""
        within = self.done / self.total if self.total else 0.0
        if not self.phases:
            return 1.0 - within
        steps = (self.package - 1) * len(self.phases) + self.phases.index(self.phase)
        return self.packages * len(self.phases) - steps - within

    def _smoothed(self, count: int, elapsed: float) -> float:
        measured = count / elapsed
        if self.rate is None:
            return measured
        weight = -math.expm1(-elapsed / _MEMORY)
        return self.rate + weight * (measured - self.rate)
