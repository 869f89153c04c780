"""Results: what devices reported, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text
from textual import on, work
from textual.binding import Binding
from textual.message import Message
from textual.widget import Widget
from textual.widgets import DataTable, Label, Static

from appliance.box import BoxService, ReceiptInfo
from tui import texts
from tui.jobs import failure, receipt_words
from tui.screens.frame import HELP, Frame
from tui.words import clean, moment

_MOST = 500


class ResultsScreen(Frame[None]):
    """The receipts, the newest first; below them what to do about the chosen one."""

    HEADING = texts.RESULTS_TITLE
    KEYS = (Binding("escape", "back", texts.BACK_KEY), HELP)
    BINDINGS = list(KEYS)  # noqa: RUF012  # Textual's own form
    AUTO_FOCUS = "#results"

    class Found(Message):
        """The receipts were read; `problem` says why not."""

        def __init__(self, receipts: tuple[ReceiptInfo, ...], problem: str) -> None:
            super().__init__()
            self.receipts = receipts
            self.problem = problem

    def __init__(self, service: BoxService) -> None:
        super().__init__()
        self._service = service
        self._receipts: tuple[ReceiptInfo, ...] = ()

    def body(self) -> Iterator[Widget]:
        yield Label(texts.BAY_READING, id="empty", markup=False)
        yield DataTable(id="results", cursor_type="row")
        yield Static("", id="detail", markup=False)

    def on_mount(self) -> None:
        table: DataTable[Text] = self.query_one("#results", DataTable)
        table.add_columns(*texts.RESULTS_COLUMNS)
        table.display = False
        self._read()

    def action_back(self) -> None:
        self.dismiss(None)

    @work(thread=True)
    def _read(self) -> None:
        try:
            self.post_message(self.Found(self._service.receipts(limit=_MOST), ""))
        except Exception as error:
            self.post_message(self.Found((), failure(self._service, error)))

    @on(Found)
    def found(self, message: Found) -> None:
        self._receipts = message.receipts
        table: DataTable[Text] = self.query_one("#results", DataTable)
        for receipt in message.receipts:
            # As text: in a plain string Textual would follow the markup that a device may have put there.
            table.add_row(*map(Text, _row(receipt)))
        table.display = bool(message.receipts)
        empty = self.query_one("#empty", Label)
        empty.display = not message.receipts
        empty.update(message.problem or texts.RESULTS_EMPTY)
        table.focus()

    @on(DataTable.RowHighlighted)
    def chosen(self, message: DataTable.RowHighlighted) -> None:
        receipt = self._receipts[message.cursor_row]
        lines = [receipt_words(receipt)]
        if receipt.gap:
            lines.append(texts.RESULT_GAP)
        if not receipt.gap and not receipt.code:
            lines.append(texts.RESULT_FINE)
        self.query_one("#detail", Static).update("\n".join(lines))


def _row(receipt: ReceiptInfo) -> tuple[str, ...]:
    return (
        clean(receipt.device_id),
        texts.OUTCOMES.get(receipt.outcome, receipt.outcome),
        f"{clean(receipt.version_before or '-')} → {clean(receipt.version_after or '-')}",
        "-" if receipt.finished is None else moment(receipt.finished),
    )
