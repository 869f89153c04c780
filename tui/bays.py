"""What the kiosk knows of each bay: the medium in it, and what should be done with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from appliance.box import Action, MediumReport
from tui import texts


@dataclass(frozen=True, slots=True)
class Bay:
    """One medium. `report` is None while it is being read, or where it cannot be (`problem`)."""

    path: Path
    report: MediumReport | None = None
    problem: str = ""
    note: str = ""

    @property
    def action(self) -> Action:
        """What Enter does."""
        return self.report.action if self.report else Action.NOTHING

    @property
    def headline(self) -> str:
        """Name, size and room of the medium."""
        if self.report is None:
            return str(self.path)
        volume = self.report.volume
        label = volume.label or self.path.name
        return f"{label}   {amount(volume.capacity)}, {amount(volume.free)} free   {self.path}"

    @property
    def contents(self) -> str:
        """What is on the medium, in a few words."""
        if self.report is None:
            return ""
        parts = [
            (len(self.report.requests), "request"),
            (len(self.report.packages), "package"),
            (self.report.receipts, "new receipt"),
            (self.report.foreign, "other file"),
        ]
        return (
            ", ".join(f"{count} {name}{'s' if count > 1 else ''}" for count, name in parts if count)
            or "empty"
        )

    @property
    def suggestion(self) -> str:
        """The one thing to do now."""
        if self.problem:
            return self.problem
        if self.report is None:
            return texts.BAY_READING
        enter = "" if self.action is Action.NOTHING else f" {texts.BAY_ENTER}"
        return f"{self.note}\n{self.report.suggestion}{enter}".strip()


def amount(size: float) -> str:
    """A size for people: 1.4 GB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit in ("bytes", "kB") else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
