"""What the program's threads say to its event loop."""

from __future__ import annotations

from pathlib import Path

from textual.message import Message

from appliance.box import MediumEvent, MediumReport, Progress, ReleaseInfo
from tui.bays import Outcome
from tui.health import Health


class MediumChanged(Message):
    """A medium came or went."""

    def __init__(self, event: MediumEvent) -> None:
        super().__init__()
        self.event = event


class HealthKnown(Message):
    """The box's health was looked at."""

    def __init__(self, health: Health) -> None:
        super().__init__()
        self.health = health


class WatcherFailed(Message):
    """Media are not noticed any more."""


class Surveyed(Message):
    """A medium was read; `problem` says why it could not be."""

    def __init__(self, path: Path, report: MediumReport | None, problem: str) -> None:
        super().__init__()
        self.path = path
        self.report = report
        self.problem = problem


class ReviewReady(Message):
    """What a review shows was read."""

    def __init__(self, path: Path, releases: tuple[ReleaseInfo, ...]) -> None:
        super().__init__()
        self.path = path
        self.releases = releases


class Advanced(Message):
    """The work on a medium has come further."""

    def __init__(self, path: Path, progress: Progress, at: float) -> None:
        super().__init__()
        self.path = path
        self.progress = progress
        self.at = at


class Ended(Message):
    """The work on a medium has ended."""

    def __init__(self, path: Path, outcome: Outcome) -> None:
        super().__init__()
        self.path = path
        self.outcome = outcome
