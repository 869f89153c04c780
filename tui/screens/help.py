"""Help: explains the screen below it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from tui import texts


class HelpScreen(ModalScreen[None]):
    """Any of Escape, F1 and the button leaves."""

    BINDINGS = [("escape", "dismiss", ""), ("f1", "dismiss", "")]  # noqa: RUF012  # Textual's own form

    def __init__(self, screen_name: str) -> None:
        super().__init__()
        self._text = texts.HELP.get(screen_name, texts.HELP["BaysScreen"])

    def compose(self) -> ComposeResult:
        with Vertical(id="help"):
            yield Static(self._text)
            yield Button(texts.BACK_BUTTON, id="back")

    def on_button_pressed(self) -> None:
        self.dismiss()
