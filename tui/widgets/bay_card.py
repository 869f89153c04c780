"""A card for one bay: what is in it and the one thing to do now."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Label

from tui.bays import Bay, State
from tui.widgets.gauge import Gauge


class BayCard(Vertical, can_focus=True):
    """Shows a bay, in place: neither focus nor scrolling moves when the bay changes."""

    BINDINGS = [("enter,space", "choose", "")]  # noqa: RUF012  # Textual's own form

    class Chosen(Message):
        """Somebody chose a bay."""

        def __init__(self, bay: Bay) -> None:
            super().__init__()
            self.bay = bay

    def __init__(self, bay: Bay) -> None:
        super().__init__(classes="bay")
        self.bay = bay
        self._composed = False

    def compose(self) -> ComposeResult:
        yield Label(classes="contents", markup=False)
        yield Gauge(classes="gauge")
        yield Label(classes="sentence", markup=False)

    def on_mount(self) -> None:
        self._composed = True
        self.show(self.bay)

    def show(self, bay: Bay) -> None:
        """Show this state of the bay."""
        self.bay = bay
        if self._composed:
            self._show()

    def _show(self) -> None:
        bay = self.bay
        self.border_title = Content(bay.headline)
        self.border_subtitle = bay.mark
        for state in State:
            self.set_class(state is bay.state, f"-{state}")
        contents, gauge = self.query_one(".contents", Label), self.query_one(Gauge)
        contents.update(bay.contents)
        contents.display = bool(bay.contents) and bay.work is None
        gauge.display = bay.work is not None
        if bay.work:
            gauge.fraction = bay.work.pace.fraction
        self.query_one(".sentence", Label).update(bay.sentence)

    def action_choose(self) -> None:
        self.post_message(self.Chosen(self.bay))

    def on_click(self) -> None:
        self.action_choose()
