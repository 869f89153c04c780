"""How far a piece of work is, in the kiosk's words."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.box import Pace as Numbers
from tui import texts
from tui.words import amount, duration


@dataclass(frozen=True, slots=True)
class Pace(Numbers):
    """The pace of a piece of work, and how it is told."""

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
        if self.stalled:
            parts.append(texts.STALLED)
        if self.speed is not None:
            parts.append(f"{amount(self.speed)}/s")
        if self.left is not None:
            parts.append(texts.TIME_LEFT.format(time=duration(self.left)))
        return ", ".join(parts)
