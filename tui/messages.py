"""What workers say to the screens."""

from __future__ import annotations

from pathlib import Path

from textual.message import Message

from appliance.box import MediumEvent, MediumReport, Progress, WriteResult


class MediumChanged(Message):
    """A medium came or went."""

    def __init__(self, event: MediumEvent) -> None:
        super().__init__()
        self.event = event


class Surveyed(Message):
    """A medium was read; `problem` says why it could not be."""

    def __init__(self, path: Path, report: MediumReport | None, problem: str) -> None:
        super().__init__()
        self.path = path
        self.report = report
        self.problem = problem


class Noted(Message):
    """A short piece of work on a medium is done."""

    def __init__(self, path: Path, text: str) -> None:
        super().__init__()
        self.path = path
        self.text = text


class Advanced(Message):
    """The writing has come further."""

    def __init__(self, progress: Progress) -> None:
        super().__init__()
        self.progress = progress


class Finished(Message):
    """The writing has ended: with a result, or with why not."""

    def __init__(self, result: WriteResult | None, problem: str) -> None:
        super().__init__()
        self.result = result
        self.problem = problem
