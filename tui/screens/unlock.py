"""Unlock: choose a name, type the PIN."""

from __future__ import annotations

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Button, Footer, Header, Input, Label, OptionList

from appliance.box import BoxService, MachineFault, Refusal, Session
from tui import texts


class UnlockScreen(Screen[Session]):
    """Ends with the session of whoever showed the right PIN."""

    class Opened(Message):
        """The PIN was right."""

        def __init__(self, session: Session) -> None:
            super().__init__()
            self.session = session

    class Denied(Message):
        """The PIN was wrong, or the box is locked."""

        def __init__(self, reason: str) -> None:
            super().__init__()
            self.reason = reason

    def __init__(self, service: BoxService, notice: str = "") -> None:
        super().__init__()
        self._service = service
        self._notice = notice

    def compose(self) -> ComposeResult:
        yield Header()
        with Vertical(id="unlock"):
            yield Label(texts.UNLOCK_TITLE, classes="title")
            yield OptionList(*(user.name for user in self._service.users()), id="names")
            yield Input(placeholder=texts.UNLOCK_PIN, password=True, id="pin")
            yield Button(texts.UNLOCK_BUTTON, id="open", variant="primary")
            yield Label(self._notice, id="notice")
        yield Footer()

    def on_mount(self) -> None:
        self.query_one("#names", OptionList).focus()

    @on(OptionList.OptionSelected)
    def name_chosen(self) -> None:
        self.query_one("#pin", Input).focus()

    @on(Input.Submitted)
    @on(Button.Pressed, "#open")
    def try_pin(self) -> None:
        names, pin = self.query_one("#names", OptionList), self.query_one("#pin", Input)
        if names.highlighted is None or not pin.value:
            return
        name = str(names.get_option_at_index(names.highlighted).prompt)
        self._say(texts.UNLOCK_WAIT)
        self._unlock(name, pin.value)
        pin.value = ""

    @work(thread=True, exclusive=True)
    def _unlock(self, name: str, pin: str) -> None:
        try:
            self.post_message(self.Opened(self._service.unlock(name, pin)))
        except Refusal as refusal:
            self.post_message(self.Denied(f"{refusal.advice} ({refusal.detail})"))
        except MachineFault as fault:
            self.post_message(self.Denied(str(fault)))

    @on(Opened)
    def opened(self, message: Opened) -> None:
        self.dismiss(message.session)

    @on(Denied)
    def denied(self, message: Denied) -> None:
        self._say(message.reason)
        self.query_one("#pin", Input).focus()

    def _say(self, text: str) -> None:
        self.query_one("#notice", Label).update(text)
