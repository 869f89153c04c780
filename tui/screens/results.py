"""Results: what devices reported."""

from __future__ import annotations

import datetime

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Header, Label

from appliance.box import BoxService, ReceiptInfo
from tui import texts


class ResultsScreen(Screen[None]):
    """The receipts, the newest first."""

    BINDINGS = [("escape", "app.pop_screen", texts.BACK_BUTTON)]  # noqa: RUF012  # Textual's own form

    def __init__(self, service: BoxService) -> None:
        super().__init__()
        self._service = service

    def compose(self) -> ComposeResult:
        yield Header()
        yield Label(texts.RESULTS_TITLE, classes="title")
        yield Label(texts.RESULTS_EMPTY, id="empty")
        yield DataTable(id="results", cursor_type="row")
        yield Footer()

    def on_mount(self) -> None:
        table: DataTable[str] = self.query_one("#results", DataTable)
        table.add_columns("Device", "Outcome", "From", "To", "When", "What to do")
        found = self._service.receipts(limit=500)
        for receipt in found:
            table.add_row(*_row(receipt))
        self.query_one("#empty").display = not found
        table.display = bool(found)
        table.focus()


def _row(receipt: ReceiptInfo) -> tuple[str, ...]:
    when = "-"
    if receipt.finished is not None:
        when = datetime.datetime.fromtimestamp(receipt.finished, datetime.UTC).strftime("%Y-%m-%d %H:%M")
    outcome = receipt.outcome.replace("_", " ") + (" (gap before)" if receipt.gap else "")
    advice = f"{receipt.code}: {receipt.advice}" if receipt.code else ""
    return (
        receipt.device_id,
        outcome,
        receipt.version_before or "-",
        receipt.version_after or "-",
        when,
        advice,
    )
