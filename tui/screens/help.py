"""Help: explains the screen below it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from tui import texts
from tui.widgets.touch import TouchTarget


class HelpScreen(ModalScreen[None]):
    """Any of Escape, Enter, F1 and a touch leaves."""

    BINDINGS = [("escape,enter,f1", "back", "")]  # noqa: RUF012  # Textual's own form

    def __init__(self, screen_name: str) -> None:
        super().__init__()
        self._text = texts.HELP[screen_name]

    def compose(self) -> ComposeResult:
        with Vertical(id="help") as window:
            window.border_title = texts.HELP_TITLE
            yield Static(self._text, markup=False)
            yield TouchTarget(f"Esc {texts.BACK_KEY}", "back")

    def action_back(self) -> None:
        self.dismiss(None)

    def on_touch_target_pressed(self) -> None:
        self.dismiss(None)
