"""The bar at the bottom: a touch target for every key of the screen."""

from __future__ import annotations

from collections.abc import Iterable

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal

from tui.widgets.touch import TouchTarget

_NAMES = {"escape": "Esc", "enter": "Enter", "ctrl+q": "Ctrl+Q"}


class ActionBar(Horizontal):
    """Shows bindings as their key and their word; the target of an action has its name as id."""

    def __init__(self, bindings: Iterable[Binding]) -> None:
        super().__init__(id="actions")
        self._shown = [binding for binding in bindings if binding.description]

    def compose(self) -> ComposeResult:
        for binding in self._shown:
            key = binding.key.split(",")[0]
            word = f"{_NAMES.get(key, key.upper())} {binding.description}"
            yield TouchTarget(word, binding.action, id=f"do-{binding.action.rpartition('.')[2]}")

    @on(TouchTarget.Pressed)
    async def pressed(self, message: TouchTarget.Pressed) -> None:
        message.stop()
        await self.screen.run_action(message.target.action)
