"""How far a piece of work is, how fast it goes, and how long it will take still."""

from __future__ import annotations

from dataclasses import dataclass, replace

from appliance.box import Progress
from tui import texts
from tui.words import amount, duration

_SETTLED = 1.0
"""Seconds after which speed and remaining time are worth showing."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Work on `packages` packages, each of which goes through `phases` in order. Times in seconds."""

    phases: tuple[str, ...]
    packages: int
    began: float
    package: int = 0
    phase: str = ""
    phase_began: float = 0.0
    now: float = 0.0
    done: int = 0
    total: int = 0

    def advanced(self, progress: Progress, now: float) -> Pace:
        """After a report at `now`. A package begins where its first phase does."""
        pace = self
        if progress.phase != self.phase or progress.done < self.done:
            first = progress.phase == self.phases[0]
            pace = replace(pace, package=pace.package + first, phase_began=now)
        return replace(pace, phase=progress.phase, now=now, done=progress.done, total=progress.total)

    @property
    def fraction(self) -> float:
        """How much of everything is done, from 0 to 1."""
        if not self.package or self.phase not in self.phases:
            return 0.0
        steps = (self.package - 1) * len(self.phases) + self.phases.index(self.phase)
        within = self.done / self.total if self.total else 0.0
        return min(1.0, (steps + within) / (self.packages * len(self.phases)))

    @property
    def percent(self) -> str:
        """The fraction in words."""
        return f"{self.fraction:.0%}".replace("%", " %")

    @property
    def words(self) -> str:
        """What is being done, how much of it, how fast, and how long it will take still."""
        if not self.phase:
            return texts.PHASE_FIRST
        package = f" {self.package} of {self.packages}" if self.packages > 1 else ""
        parts = [f"{texts.PHASES.get(self.phase, self.phase)}{package}: {amount(self.done)}"]
        elapsed, fraction = self.now - self.began, self.fraction
        if self.now - self.phase_began >= _SETTLED:
            parts.append(f"{amount(self.done / (self.now - self.phase_began))}/s")
        if elapsed >= _SETTLED and fraction > 0:
            parts.append(texts.TIME_LEFT.format(time=duration(elapsed * (1 - fraction) / fraction)))
        return ", ".join(parts)
