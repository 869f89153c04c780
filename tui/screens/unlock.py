"""Unlock: choose a name, type or touch the PIN."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from textual import on, work
from textual.binding import Binding
from textual.containers import Grid, Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label, OptionList

from appliance.box import BoxService, Refusal, Session
from tui import texts
from tui.bays import Bay
from tui.jobs import failure
from tui.screens.frame import HELP, Frame
from tui.widgets.touch import TouchTarget
from tui.words import clean

_DIGITS = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "erase", "0", "try_pin")
_LOCKED_OUT = "tpm-locked"
"""The code of a PIN that is not tried any more for a while."""
_WORDS = {"erase": texts.ERASE, "try_pin": texts.OK}


class UnlockScreen(Frame[Session]):
    """Ends with the session of whoever showed the right PIN."""

    HEADING = texts.UNLOCK_TITLE
    KEYS = (Binding("enter", "try_pin", texts.UNLOCK_KEY), HELP)
    BINDINGS = list(KEYS)  # noqa: RUF012  # Textual's own form
    AUTO_FOCUS = "#names"

    class Looked(Message):
        """Who may unlock the box."""

        def __init__(self, names: tuple[str, ...], problem: str) -> None:
            super().__init__()
            self.names = names
            self.problem = problem

    class Opened(Message):
        """The PIN was right."""

        def __init__(self, session: Session) -> None:
            super().__init__()
            self.session = session

    class Denied(Message):
        """The PIN was not taken."""

        def __init__(self, reason: str) -> None:
            super().__init__()
            self.reason = reason

    def __init__(
        self, service: BoxService, bays: Mapping[Path, Bay], notice: str, more: tuple[Binding, ...]
    ) -> None:
        super().__init__(more)
        self._service = service
        self._bays = bays
        self._notice = notice
        self._names: tuple[str, ...] = ()
        self._checking = False

    def body(self) -> Iterator[Widget]:
        pad = [
            TouchTarget(_WORDS.get(key, key), key, id=f"pad-{key}", focusable=False, classes="pad")
            for key in _DIGITS
        ]
        left = Vertical(
            OptionList(id="names", markup=False),
            Input(password=True, id="pin", disabled=True),
            Label(self._notice, id="notice", markup=False),
            Label("", id="brief", markup=False),
            id="left",
        )
        yield Horizontal(left, Grid(*pad, id="pad", disabled=True), id="unlock")

    def on_mount(self) -> None:
        self.show(self._bays)
        self._look()

    def clear(self) -> None:
        """Forget what was typed."""
        self.query_one("#pin", Input).value = ""

    def show(self, bays: Mapping[Path, Bay]) -> None:
        """Say in a line what each bay does: whoever waits for "Safe to remove" need not unlock."""
        lines = [bay.brief for bay in bays.values()]
        self.query_one("#brief", Label).update("\n".join([texts.BRIEF_TITLE, *lines]) if lines else "")

    # Looking who may come in

    @work(thread=True, exclusive=True, group="look")
    def _look(self) -> None:
        try:
            names = tuple(user.name for user in self._service.users())
            self._service.status()  # whether the key store answers
            self.post_message(self.Looked(names, ""))
        except Exception as error:
            self.post_message(self.Looked((), failure(self._service, error)))

    @on(Looked)
    def looked(self, message: Looked) -> None:
        pin = self.query_one("#pin", Input)
        pin.disabled = self.query_one("#pad").disabled = not message.names
        pin.placeholder = texts.UNLOCK_PIN if message.names else ""
        self._offer(message.names)
        if message.problem:
            self._say(message.problem)
        elif not message.names:
            self._say(texts.NO_USERS)

    def _offer(self, names: tuple[str, ...]) -> None:
        if names == self._names:
            return
        self._names = names
        choices = self.query_one("#names", OptionList)
        choices.clear_options()
        choices.add_options(names)
        choices.highlighted = 0 if names else None
        if len(names) == 1:
            self.query_one("#pin").focus()

    # Trying a PIN

    @on(OptionList.OptionSelected)
    def name_chosen(self) -> None:
        self.query_one("#pin").focus()

    @on(TouchTarget.Pressed)
    def key_touched(self, message: TouchTarget.Pressed) -> None:
        pin = self.query_one("#pin", Input)
        if message.target.action == "try_pin":
            self.action_try_pin()
        elif message.target.action == "erase":
            pin.value = pin.value[:-1]
        else:
            pin.value += message.target.action

    @on(Input.Submitted)
    def action_try_pin(self) -> None:
        choices, pin = self.query_one("#names", OptionList), self.query_one("#pin", Input)
        if self._checking or not pin.value:
            pin.focus()
            return
        if choices.highlighted is None:
            self._say(texts.UNLOCK_NAME)
            return
        self._checking = True
        self._say(texts.UNLOCK_WAIT)
        self._unlock(self._names[choices.highlighted], pin.value)
        pin.value = ""

    @work(thread=True, group="unlock")
    def _unlock(self, name: str, pin: str) -> None:
        try:
            self.post_message(self.Opened(self._service.unlock(name, pin)))
        except Refusal as refusal:
            self.post_message(self.Denied(_refused(name, refusal) or failure(self._service, refusal)))
        except Exception as error:
            self.post_message(self.Denied(failure(self._service, error)))

    @on(Opened)
    def opened(self, message: Opened) -> None:
        self.dismiss(message.session)

    @on(Denied)
    def denied(self, message: Denied) -> None:
        self._checking = False
        self._say(message.reason)
        self.query_one("#pin").focus()
        self._look()

    def _say(self, text: str) -> None:
        self.query_one("#notice", Label).update(text)


def _refused(name: str, refusal: Refusal) -> str:
    """What to tell a person who is locked out: the others are not."""
    if refusal.code != _LOCKED_OUT:
        return ""
    return texts.LOCKED_OUT.format(name=name, problem=clean(refusal.detail))
