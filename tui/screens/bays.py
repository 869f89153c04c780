"""Bays, the home screen: the box's health, and a card for each medium with the one thing to do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from textual.binding import Binding
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Label

from tui import texts
from tui.bays import Bay
from tui.health import Health
from tui.screens.frame import HELP, Frame
from tui.widgets.bay_card import BayCard
from tui.widgets.health_line import HealthLine


class BaysScreen(Frame[None]):
    """Shows the bays; what choosing one does is the program's."""

    HEADING = texts.BAYS_TITLE
    KEYS = (
        HELP,
        Binding("f2", "app.read_again", texts.READ_KEY),
        Binding("f3", "app.results", texts.RESULTS_KEY),
        Binding("f4", "app.lock", texts.LOCK_KEY),
    )
    BINDINGS = list(KEYS)  # noqa: RUF012  # Textual's own form
    AUTO_FOCUS = ".bay"

    def body(self) -> Iterator[Widget]:
        yield HealthLine()
        yield Label(texts.BAYS_EMPTY, id="empty")
        yield Vertical(id="bays")

    def show_health(self, health: Health) -> None:
        """Show the box's health."""
        self.query_one(HealthLine).show(health)

    def show(self, bays: Mapping[Path, Bay]) -> None:
        """Show these bays: cards that stay are changed in place, so that the chosen one stays chosen."""
        cards = {card.bay.path: card for card in self.query(BayCard) if not card.has_class("-leaving")}
        for path, card in cards.items():
            if path not in bays:
                card.add_class("-leaving")
                card.remove()
        for path, bay in bays.items():
            if path in cards:
                cards[path].show(bay)
            else:
                self._add(bay)
        self.query_one("#empty").display = not bays
        self.query_one("#bays").display = bool(bays)

    def _add(self, bay: Bay) -> None:
        card, first = BayCard(bay), not self.query(BayCard)
        self.query_one("#bays").mount(card)
        if first:
            card.focus()
