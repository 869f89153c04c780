"""The line on top: which screen this is, which box, and who is there."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Label


class TitleBar(Horizontal):
    """Shows the screen's title and the program's subtitle."""

    def __init__(self, title: str) -> None:
        super().__init__(id="top")
        self._title = title

    def compose(self) -> ComposeResult:
        yield Label(self._title, id="title", markup=False)
        yield Label(self.app.sub_title, id="who", markup=False)

    def on_mount(self) -> None:
        self.watch(self.app, "sub_title", self._show_who)

    def _show_who(self, text: str) -> None:
        self.query_one("#who", Label).update(text)
