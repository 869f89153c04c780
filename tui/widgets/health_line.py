"""The box's health: one line when all is well, and one more for each thing to do."""

from __future__ import annotations

from textual.widgets import Static

from tui import texts
from tui.health import Health, Level


class HealthLine(Static):
    """Shows a `Health`."""

    def __init__(self) -> None:
        super().__init__(texts.HEALTH_READING, id="health", markup=False)

    def show(self, health: Health) -> None:
        """Show this health."""
        first = f"{health.headline}  {health.facts}".rstrip()
        self.update("\n".join((first, *health.problems)))
        for level in Level:
            self.set_class(level is health.level, f"-{level}")
