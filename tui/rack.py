"""All bays of the box: which media are there, and what the work on each has come to."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from appliance.box import MediumReport, Progress
from tui.bays import Bay, Outcome, Work


class Rack:
    """The bays, by the path of the medium in each; one that was taken out of its work stays until that ends.

    Paths of media that are not there, or not worked on, change nothing.
    """

    def __init__(self) -> None:
        self.bays: dict[Path, Bay] = {}
        self._locks: dict[Path, threading.Lock] = {}
        self._cancels: dict[Path, threading.Event] = {}

    def lock(self, path: Path) -> threading.Lock:
        """To be held by whoever reads or writes this medium."""
        return self._locks[path]

    def insert(self, path: Path) -> None:
        """A medium is there, perhaps again."""
        known = self.bays.get(path)
        self.bays[path] = replace(known, gone=False) if known else Bay(path)
        self._locks.setdefault(path, threading.Lock())

    def remove(self, path: Path) -> None:
        """A medium is gone."""
        bay = self.bays.get(path)
        if bay is not None and bay.work is not None:
            self.bays[path] = replace(bay, gone=True)
        elif bay is not None:
            del self.bays[path]

    def surveyed(self, path: Path, report: MediumReport | None, problem: str) -> None:
        """What is on a medium, or why that cannot be said."""
        bay = self.bays.get(path)
        if bay is not None:
            self.bays[path] = replace(bay, report=report, problem=problem)

    def forget(self) -> tuple[Path, ...]:
        """Forget what is on the media that are not worked on; returns these, to be read again."""
        idle = tuple(path for path, bay in self.bays.items() if bay.work is None)
        for path in idle:
            self.bays[path] = replace(self.bays[path], report=None, problem="", outcome=None)
        return idle

    def cancellable(self, path: Path) -> threading.Event:
        """Set once somebody cancels the work that is about to begin."""
        cancel = self._cancels[path] = threading.Event()
        return cancel

    def begin(self, path: Path, work: Work) -> Bay:
        """Work begins."""
        self.bays[path] = replace(self.bays[path], work=work, outcome=None)
        return self.bays[path]

    def advance(self, path: Path, progress: Progress, at: float) -> None:
        """Work reports how far it is."""
        bay = self.bays.get(path)
        if bay is not None and bay.work is not None:
            pace = bay.work.pace.advanced(progress, at)
            self.bays[path] = replace(bay, work=replace(bay.work, pace=pace))

    def let_time_pass(self, now: float) -> bool:
        """Work that has stalled reports nothing, and that shows. Whether there is any work."""
        working = [bay for bay in self.bays.values() if bay.work is not None]
        for bay in working:
            assert bay.work is not None
            self.bays[bay.path] = replace(bay, work=replace(bay.work, pace=bay.work.pace.at(now)))
        return bool(working)

    def cancel(self, path: Path) -> None:
        """Let the work on a medium end soon, where it can be cancelled."""
        bay = self.bays.get(path)
        if bay is not None and bay.work is not None and path in self._cancels:
            self._cancels[path].set()
            self.bays[path] = replace(bay, work=replace(bay.work, cancelling=True))

    def cancel_all(self) -> None:
        """Let all work end soon: nobody is there any more to see how it goes on."""
        for cancel in self._cancels.values():
            cancel.set()

    def end(self, path: Path, outcome: Outcome) -> Bay:
        """Work ended; returns the bay, which is not here any more where its medium is gone."""
        self._cancels.pop(path, None)
        bay = self.bays.pop(path)
        ended = replace(bay, work=None, outcome=outcome)
        if not bay.gone:
            self.bays[path] = ended
        return ended
