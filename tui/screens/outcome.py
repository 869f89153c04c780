"""Outcome: what became of the work on a medium, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Label, Static

from tui import texts
from tui.bays import Bay, Outcome
from tui.qr import qr_code
from tui.screens.frame import HELP, Frame

_NEXT_CODE = Binding("f5", "next_code", texts.NEXT_CODE_KEY)


class OutcomeScreen(Frame[None]):
    """A large heading, the summary, and a code for each package that was written."""

    HEADING = texts.OUTCOME_TITLE
    KEYS = (Binding("enter,escape", "back", texts.DONE_KEY), HELP)
    BINDINGS = [*KEYS, _NEXT_CODE]  # noqa: RUF012  # Textual's own form
    AUTO_FOCUS = "#do-back"

    def __init__(self, bay: Bay, outcome: Outcome) -> None:
        super().__init__((_NEXT_CODE,) if len(outcome.packages) > 1 else ())
        self._bay = bay
        self._outcome = outcome
        self._shown = 0

    def body(self) -> Iterator[Widget]:
        heading = Label(self._outcome.heading, id="heading", markup=False)
        heading.set_class(self._outcome.good, "-good")
        yield heading
        code = Vertical(Static("", id="qr", markup=False), id="code")
        code.display = bool(self._outcome.packages)
        said = Vertical(
            Static(self._outcome.text, id="summary", markup=False),
            Label("", id="package", markup=False),
            id="said",
        )
        yield Horizontal(code, said, id="outcome")

    def on_mount(self) -> None:
        self._show_code()

    def show(self, bays: Mapping[Path, Bay]) -> None:
        """A medium that was pulled after the work needs no screen any more."""
        if self._outcome.good and self._bay.path not in bays:
            self.dismiss(None)

    def action_back(self) -> None:
        self.dismiss(None)

    def action_next_code(self) -> None:
        self._shown = (self._shown + 1) % max(1, len(self._outcome.packages))
        self._show_code()

    def _show_code(self) -> None:
        packages = self._outcome.packages
        if not packages:
            return
        package_id = packages[self._shown].package_id.hex().upper()
        self.query_one("#qr", Static).update(qr_code(package_id))
        text = texts.CODE if len(packages) == 1 else texts.CODE_OF
        words = text.format(code=package_id[:8], number=self._shown + 1, count=len(packages))
        self.query_one("#package", Label).update(words)
