"""A touch target: a word in a frame of three rows, pressed by Enter, space, click or touch."""

from __future__ import annotations

from textual.message import Message
from textual.widgets import Static


class TouchTarget(Static, can_focus=True):
    """Says that it was pressed. `action` is what the press stands for."""

    BINDINGS = [("enter,space", "press", "")]  # noqa: RUF012  # Textual's own form

    class Pressed(Message):
        """Somebody pressed a target."""

        def __init__(self, target: TouchTarget) -> None:
            super().__init__()
            self.target = target

    def __init__(
        self, word: str, action: str, *, id: str | None = None, classes: str = "", focusable: bool = True
    ) -> None:
        super().__init__(word, id=id, classes=f"touch {classes}", markup=False)
        self.action = action
        self.can_focus = focusable

    def action_press(self) -> None:
        self.post_message(self.Pressed(self))

    def on_click(self) -> None:
        self.action_press()
