"""The frame of every screen: the title on top, the actions at the bottom, arrows that move the focus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen, ScreenResultType
from textual.widget import Widget

from tui import texts
from tui.bays import Bay
from tui.widgets.action_bar import ActionBar
from tui.widgets.title_bar import TitleBar

HELP = Binding("f1", "app.help", texts.HELP_KEY)
QUIT = Binding("ctrl+q", "app.quit", texts.QUIT_KEY)


class Frame(Screen[ScreenResultType]):
    """A screen has a `HEADING`, a `body`, and `KEYS`, which its bindings hold too and its bar shows.

    `more` are keys of the program that its bar shows as well.
    """

    HEADING: ClassVar[str] = ""
    KEYS: ClassVar[tuple[Binding, ...]] = ()
    BINDINGS = [  # noqa: RUF012  # Textual's own form
        ("up,left", "app.focus_previous", ""),
        ("down,right", "app.focus_next", ""),
    ]

    def __init__(self, more: tuple[Binding, ...] = ()) -> None:
        super().__init__()
        self._more = more

    def compose(self) -> ComposeResult:
        yield TitleBar(self.HEADING)
        yield from self.body()
        yield ActionBar((*self.KEYS, *self._more))

    def body(self) -> Iterator[Widget]:
        """What stands between the title and the actions."""
        yield from ()

    @property
    def is_whole(self) -> bool:
        """Whether its parts are there: not yet when it was only begun, no more when the program ends."""
        return self.is_mounted and bool(self.query(ActionBar))

    def show(self, bays: Mapping[Path, Bay]) -> None:
        """The bays are these now."""
