"""Bays, the home screen: a card for each medium with the one thing to do next."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Footer, Header, Label, ListItem, ListView

from tui import texts
from tui.bays import Bay


class BayCard(ListItem):
    """One medium."""

    def __init__(self, bay: Bay) -> None:
        super().__init__(classes="bay")
        self.bay = bay

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Label(self.bay.headline, classes="headline", markup=False)
            yield Label(self.bay.contents, classes="contents", markup=False)
            yield Label(self.bay.suggestion, classes="suggestion", markup=False)


class BaysScreen(Screen[None]):
    """Shows the bays; what Enter does is the program's."""

    def compose(self) -> ComposeResult:
        yield Header()
        yield Label(texts.BAYS_TITLE, classes="title")
        yield Label(texts.BAYS_EMPTY, id="empty")
        yield ListView(id="bays")
        yield Footer()

    async def show(self, bays: dict[Path, Bay]) -> None:
        """Show these bays, keeping the one that is chosen."""
        cards = self.query_one("#bays", ListView)
        chosen = cards.highlighted_child
        path = chosen.bay.path if isinstance(chosen, BayCard) else None
        paths = list(bays)
        await cards.clear()
        await cards.extend(BayCard(bay) for bay in bays.values())
        cards.index = paths.index(path) if path in paths else (0 if paths else None)
        self.query_one("#empty", Label).display = not bays
        cards.display = bool(bays)
        if bays:
            cards.focus()
