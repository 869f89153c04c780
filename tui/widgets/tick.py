"""A thing that can be marked: a box with a cross in it, pressed by space, click or touch."""

from __future__ import annotations

from textual.widgets import Static


class Tick(Static, can_focus=True):
    """`value` stands for what is marked; `marked` says whether it is."""

    BINDINGS = [("space", "mark", "")]  # noqa: RUF012  # Textual's own form

    def __init__(self, text: str, value: str, *, marked: bool) -> None:
        super().__init__(classes="tick", markup=False)
        self.value = value
        self.marked = marked
        self._text = text

    def on_mount(self) -> None:
        self._show()

    def action_mark(self) -> None:
        self.marked = not self.marked
        self._show()

    def on_click(self) -> None:
        self.action_mark()

    def _show(self) -> None:
        self.update(f"[{'x' if self.marked else ' '}] {self._text}")
