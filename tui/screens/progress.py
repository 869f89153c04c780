"""Progress: how far the work on a medium is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from textual.binding import Binding
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Label

from appliance.box import Action
from tui import texts
from tui.bays import Bay
from tui.screens.frame import HELP, Frame
from tui.widgets.gauge import Gauge


class ProgressScreen(Frame[bool]):
    """Ends with True when the work has ended, with False when the person looks at other bays."""

    HEADING = texts.PROGRESS_TITLE
    KEYS = (
        Binding("escape", "cancel", texts.CANCEL_KEY),
        Binding("f6", "leave", texts.BAYS_KEY),
        HELP,
    )
    BINDINGS = list(KEYS)  # noqa: RUF012  # Textual's own form
    AUTO_FOCUS = ""  # an Enter too many must not cancel

    class Cancelled(Message):
        """The person wants the work on a medium to stop."""

        def __init__(self, path: Path) -> None:
            super().__init__()
            self.path = path

    def __init__(self, bay: Bay) -> None:
        super().__init__()
        assert bay.work is not None
        self.path = bay.path
        self._bay = bay
        self._action = bay.work.action

    def body(self) -> Iterator[Widget]:
        yield Vertical(
            Label(texts.WORKING[self._action], id="work", markup=False),
            Label(self._bay.headline, id="medium", markup=False),
            Gauge(id="gauge"),
            Label("", id="phase", markup=False),
            Label(texts.DO_NOT_REMOVE, id="warning"),
            id="progress",
        )

    def on_mount(self) -> None:
        self._show(self._bay)

    def show(self, bays: Mapping[Path, Bay]) -> None:
        bay = bays.get(self.path)
        if bay is not None:
            self._show(bay)

    def action_cancel(self) -> None:
        if self._action is Action.WRITE:
            self.post_message(self.Cancelled(self.path))
        else:
            self.query_one("#phase", Label).update(texts.NO_CANCEL)

    def action_leave(self) -> None:
        self.dismiss(False)

    def _show(self, bay: Bay) -> None:
        if bay.work is not None:
            self.query_one("#gauge", Gauge).fraction = bay.work.pace.fraction
            self.query_one("#phase", Label).update(bay.sentence)
