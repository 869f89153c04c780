"""A bar that fills, in characters that a bare Linux console can show too."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

_NUMBER = 6


class Gauge(Widget):
    """Fills its width with `fraction` (0 to 1), and says it in per cent."""

    fraction: reactive[float] = reactive(0.0)

    def render(self) -> Content:
        width = max(0, self.content_size.width - _NUMBER)
        full = round(width * self.fraction)
        return Content("█" * full + "░" * (width - full) + f"{self.fraction:.0%}".rjust(_NUMBER))
