"""What the kiosk knows of each bay: the medium in it, the work on it, and what should be done now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from appliance.box import Action, MediumReport, Written
from tui import texts
from tui.pace import Pace
from tui.words import amount, clean, shortened

_PATH_WIDTH = 28


class State(StrEnum):
    """A bay at one look. The value is the style's name."""

    READING = "reading"
    UNREADABLE = "unreadable"
    WAITING = "waiting"
    """There is something to do."""
    IDLE = "idle"
    """There is nothing to do."""
    WORKING = "working"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Work:
    """What is being done with a medium."""

    action: Action
    pace: Pace
    cancelling: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the work: `heading` in a few capital letters, `text` with what to do next."""

    good: bool
    heading: str
    text: str
    packages: tuple[Written, ...] = ()


@dataclass(frozen=True, slots=True)
class Bay:
    """One medium. `report` is None while it is being read, or where it cannot be (`problem`).

    `gone` says that the medium was removed while there was work on it.
    """

    path: Path
    report: MediumReport | None = None
    problem: str = ""
    work: Work | None = None
    outcome: Outcome | None = None
    gone: bool = False

    @property
    def action(self) -> Action:
        """What Enter does, if nothing is being done."""
        return self.report.action if self.report else Action.NOTHING

    @property
    def state(self) -> State:
        """The bay at one look."""
        if self.work:
            return State.WORKING
        if self.problem:
            return State.UNREADABLE
        if self.report is None:
            return State.READING
        if self.action in (Action.WRITE, Action.COLLECT, Action.IMPORT):
            return State.WAITING
        if self.outcome:
            return State.DONE if self.outcome.good else State.STOPPED
        return State.IDLE

    @property
    def mark(self) -> str:
        """The state in a few capital letters."""
        ended = self.state in (State.DONE, State.STOPPED) and self.outcome
        return ended.heading if ended else texts.STATES[self.state]

    @property
    def name(self) -> str:
        """What people call the medium."""
        label = clean(self.report.volume.label) if self.report else ""
        return label or self.path.name

    @property
    def headline(self) -> str:
        """Name, size and room of the medium, and where it is."""
        where = shortened(clean(str(self.path)), _PATH_WIDTH)
        if self.report is None:
            return where
        volume = self.report.volume
        room = texts.ROOM.format(capacity=amount(volume.capacity), free=amount(volume.free))
        return f"{self.name}   {room}   {where}"

    @property
    def contents(self) -> str:
        """What is on the medium, in a few words."""
        if self.report is None:
            return ""
        counts = (
            (len(self.report.requests), *texts.REQUESTS),
            (len(self.report.packages), *texts.PACKAGES),
            (self.report.receipts, *texts.RECEIPTS),
            (self.report.foreign, *texts.FOREIGN),
        )
        parts = [f"{count} {one if count == 1 else more}" for count, one, more in counts if count]
        return ", ".join(parts) or texts.EMPTY

    @property
    def sentence(self) -> str:
        """The one thing to know or to do now."""
        if self.work:
            return texts.CANCELLING if self.work.cancelling else self.work.pace.words
        if self.problem:
            return self.problem
        if self.report is None:
            return texts.BAY_READING
        said = f"{self.outcome.heading}: {self.outcome.text.splitlines()[0]}\n" if self.outcome else ""
        hint = {
            State.WAITING: texts.PRESS_ENTER,
            State.DONE: texts.ENTER_SHOWS if self.outcome and self.outcome.packages else "",
        }.get(self.state, "")
        return f"{said}{clean(self.report.suggestion)} {hint}".rstrip()

    @property
    def brief(self) -> str:
        """The bay in half a line, for a screen that shows something else."""
        if self.work:
            return f"{self.name}: {texts.STATES[State.WORKING]} {self.work.pace.percent}"
        return f"{self.name}: {self.mark}"
