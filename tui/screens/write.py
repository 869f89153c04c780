"""Write: review, progress, and "Safe to remove"."""

from __future__ import annotations

import time

import segno
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Button, Footer, Header, Label, ProgressBar, Static

from appliance.box import (
    Admission,
    BoxService,
    Cancel,
    MachineFault,
    Misuse,
    Progress,
    Refusal,
    Session,
    WriteResult,
)
from tui import texts
from tui.bays import Bay, amount
from tui.messages import Advanced, Finished

_STEP = 0.1
"""Seconds between two reports to the screen."""


class WriteScreen(Screen[bool]):
    """Writes to one bay. Ends with whether anything was written."""

    BINDINGS = [("escape", "leave", texts.CANCEL_BUTTON)]  # noqa: RUF012  # Textual's own form

    def __init__(self, service: BoxService, bay: Bay, session: Session) -> None:
        super().__init__()
        self._service = service
        self._bay = bay
        self._session = session
        self._cancelled = False
        self._working = False
        self._written = False
        self._began = 0.0

    def compose(self) -> ComposeResult:
        yield Header()
        with Vertical(id="write"):
            yield Label(texts.REVIEW_TITLE, classes="title", id="heading")
            yield Static("\n".join(map(_describe, self._asking())), id="review", markup=False)
            yield Static(texts.REVIEW_CHECKS, id="checks")
            yield ProgressBar(id="bar", show_eta=False)
            yield Label("", id="phase")
            with Horizontal(id="outcome"):
                yield Static("", id="qr")
                yield Static("", id="summary", markup=False)
            with Horizontal(id="buttons"):
                yield Button(texts.REVIEW_BUTTON, id="go", variant="primary")
                yield Button(texts.CANCEL_BUTTON, id="leave")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#bar").display = False
        self.query_one("#outcome").display = False
        self.query_one("#go", Button).focus()

    def _asking(self) -> tuple[Admission, ...]:
        assert self._bay.report is not None
        return tuple(found for found in self._bay.report.requests if found.code is None and found.release)

    @on(Button.Pressed, "#go")
    def begin(self) -> None:
        self._working = True
        self._began = time.monotonic()
        self.query_one("#go").display = False
        self.query_one("#checks").display = False
        self.query_one("#bar").display = True
        self.query_one("#phase", Label).update(texts.WRITING)
        self.query_one("#leave", Button).focus()
        self._write(tuple(found.device_id for found in self._asking() if found.device_id))

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        if self._working:
            self._cancelled = True
        else:
            self.dismiss(self._written)

    @work(thread=True, exclusive=True)
    def _write(self, devices: tuple[str, ...]) -> None:
        last = 0.0

        def report(progress: Progress) -> None:
            nonlocal last
            if time.monotonic() - last >= _STEP or progress.done == progress.total:
                last = time.monotonic()
                self.post_message(Advanced(progress))

        try:
            self._service.admit(self._bay.path)
            result = self._service.write(
                self._bay.path, devices, self._session, report, cancelled=lambda: self._cancelled
            )
            self.post_message(Finished(result, ""))
        except Cancel:
            self.post_message(Finished(None, texts.CANCELLED))
        except Refusal as refusal:
            self.post_message(Finished(None, f"{refusal.advice}\n({refusal})"))
        except (Misuse, MachineFault) as error:
            self.post_message(Finished(None, str(error)))

    @on(Advanced)
    def advanced(self, message: Advanced) -> None:
        progress = message.progress
        self.query_one("#bar", ProgressBar).update(total=progress.total, progress=progress.done)
        seconds = max(time.monotonic() - self._began, 0.001)
        name = texts.PHASES.get(progress.phase, progress.phase)
        rate = f"{amount(progress.done / seconds)}/s"
        self.query_one("#phase", Label).update(f"{name}: {amount(progress.done)}, {rate}. {texts.WRITING}")

    @on(Finished)
    def finished(self, message: Finished) -> None:
        self._working = False
        self.query_one("#bar").display = False
        self.query_one("#phase").display = False
        self.query_one("#review").display = False
        self.query_one("#checks").display = False
        self.query_one("#go").display = False
        self.query_one("#outcome").display = True
        heading, summary = self.query_one("#heading", Label), self.query_one("#summary", Static)
        leave = self.query_one("#leave", Button)
        leave.label = texts.BACK_BUTTON
        leave.focus()
        if message.result is None:
            heading.update(texts.STOPPED)
            heading.add_class("stopped")
            summary.update(message.problem)
            return
        self._written = True
        heading.update(texts.SAFE)
        heading.add_class("safe")
        summary.update(_summary(message.result))
        self.query_one("#qr", Static).update(qr_code(message.result.packages[0].package_id.hex()))


def _describe(found: Admission) -> str:
    running = found.version or "no release"
    return f"{found.device_id}   {found.product}\n    {running} → {found.release_version}"


def _summary(result: WriteResult) -> str:
    lines = [
        f"{package.version} for {', '.join(package.devices)}\n"
        f"{amount(package.size)}, read back ({package.read_back})\n"
        f"package {package.package_id.hex()[:8].upper()}"
        for package in result.packages
    ]
    return "\n\n".join([*lines, texts.SAFE_NEXT])


def qr_code(text: str) -> str:
    """A QR code in half blocks: two rows of modules in one row of characters."""
    rows = [list(row) for row in segno.make(text.upper(), error="l", micro=False).matrix_iter(border=2)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    blocks = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    return "\n".join(
        "".join(blocks[int(bool(upper)), int(bool(lower))] for upper, lower in zip(*pair, strict=True))
        for pair in zip(rows[::2], rows[1::2], strict=True)
    )
