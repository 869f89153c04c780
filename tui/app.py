"""The kiosk's program: who is there, which screen is shown, what is in the bays and done with them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from textual import on, work
from textual.app import App
from textual.events import Event, InputEvent

from appliance.box import (
    Action,
    BoxService,
    MediaWatcher,
    MediumInserted,
    MediumPassedOver,
    Progress,
    Session,
)
from tui import health, jobs, texts
from tui.bays import Bay, Outcome, Work
from tui.health import Health
from tui.messages import (
    Advanced,
    Ended,
    HealthKnown,
    MediumChanged,
    ReviewReady,
    Surveyed,
    WatcherFailed,
)
from tui.pace import Pace
from tui.rack import Rack
from tui.screens.bays import BaysScreen
from tui.screens.frame import QUIT, Frame
from tui.screens.help import HelpScreen
from tui.screens.outcome import OutcomeScreen
from tui.screens.progress import ProgressScreen
from tui.screens.results import ResultsScreen
from tui.screens.review import ReviewScreen
from tui.screens.unlock import UnlockScreen
from tui.widgets.bay_card import BayCard

IDLE: Final = 300.0
"""Seconds without a key or a touch after which the kiosk locks itself."""
_STEP: Final = 0.1
"""Seconds between two reports of one job to the screen."""
_LOOK: Final = 15.0
"""Seconds between two looks at the box's health."""
_PHASES: Final = {
    Action.WRITE: ("write", "read back"),
    Action.IMPORT: ("import",),
    Action.COLLECT: ("collect",),
}


class Kiosk(App[None], inherit_bindings=False):
    """The kiosk of one box.

    `watcher` is closed when the kiosk ends. `fixed` are media that are always there: image files, for
    those who try. A kiosk that may not be left (`may_quit`) knows no key to quit. `clock` gives seconds
    that only go on.
    """

    CSS_PATH = "kiosk.tcss"
    TITLE = texts.TITLE
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    BINDINGS = [  # noqa: RUF012  # Textual's own form
        ("f1", "help", texts.HELP_KEY),
        ("ctrl+q", "quit", texts.QUIT_KEY),
        ("tab", "app.focus_next", ""),
        ("shift+tab", "app.focus_previous", ""),
    ]

    def __init__(
        self,
        service: BoxService,
        watcher: MediaWatcher,
        *,
        fixed: tuple[Path, ...] = (),
        may_quit: bool = True,
        idle: float = IDLE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._rack = Rack()
        self._service = service
        self._watcher = watcher
        self._fixed = fixed
        self._may_quit = may_quit
        self._idle = idle
        self._clock = clock
        self._active = clock()
        self._session: Session | None = None
        self._watching = True
        self._more = (QUIT,) if may_quit else ()
        self._home = BaysScreen(self._more)

    async def on_mount(self) -> None:
        await self.push_screen(self._home)
        self.lock("")
        self._watch_media()
        for path in self._fixed:
            self._insert(path)
        self._look()
        self.set_interval(_LOOK, self._look)
        self.set_interval(1, self._lock_when_idle)
        self.set_interval(1, self._let_time_pass)

    def on_unmount(self) -> None:
        self._watcher.close()
        self._rack.cancel_all()

    async def on_event(self, event: Event) -> None:
        if isinstance(event, InputEvent):
            self._active = self._clock()
        await super().on_event(event)

    # Who is there

    @property
    def locked(self) -> bool:
        """Whether somebody must show a PIN first."""
        return self._session is None

    def lock(self, notice: str) -> None:
        """Let nobody do anything before a PIN is shown. Work that was begun goes on."""
        self._session = None
        while len(self.screen_stack) > 1 and self.screen is not self._home:
            self.pop_screen()
        self._name_who(texts.NOBODY)
        self.push_screen(UnlockScreen(self._service, self._rack.bays, notice, self._more), self._unlocked)

    def _unlocked(self, session: Session | None) -> None:
        self._session = session
        self._active = self._clock()
        self._name_who(session.user if session else texts.NOBODY)
        self._show()

    def _name_who(self, who: str) -> None:
        self.sub_title = f"{texts.TITLE} {self._service.id}   {who}"

    def _lock_when_idle(self) -> None:
        if self._clock() - self._active <= self._idle:
            return
        self._active = self._clock()
        if self._session is not None:
            self.lock(texts.LOCKED_IDLE)
        elif isinstance(self.screen, UnlockScreen):
            self.screen.clear()

    # The box's health

    @work(thread=True, exclusive=True, group="health")
    def _look(self) -> None:
        try:
            found = health.judge(self._service.status())
        except Exception as error:
            found = health.unknown(jobs.failure(self._service, error))
        self.post_message(HealthKnown(found))

    @on(HealthKnown)
    def health_known(self, message: HealthKnown) -> None:
        found = message.health
        if not self._watching:
            problems = (texts.WATCHER_FAULT, *found.problems)
            found = Health(health.Level.TROUBLE, found.facts, problems)
        if self._home.is_whole:
            self._home.show_health(found)

    # What is in the bays

    @work(thread=True, group="watcher")
    def _watch_media(self) -> None:
        try:
            while (event := self._watcher.next()) is not None:
                self.post_message(MediumChanged(event))
        except Exception as error:
            jobs.failure(self._service, error)
            self.post_message(WatcherFailed())

    @on(WatcherFailed)
    def watcher_failed(self) -> None:
        self._watching = False
        self._look()

    @on(MediumChanged)
    def medium_changed(self, message: MediumChanged) -> None:
        event = message.event
        if isinstance(event, MediumInserted):
            self._insert(event.path)
        elif not isinstance(event, MediumPassedOver):
            self._remove(event.path)

    def _insert(self, path: Path) -> None:
        self._rack.insert(path)
        self._survey(path)
        self._show()

    def _remove(self, path: Path) -> None:
        self._rack.remove(path)
        self._show()

    @work(thread=True, group="survey")
    def _survey(self, path: Path) -> None:
        with self._rack.lock(path):
            try:
                message = Surveyed(path, self._service.survey(path), "")
            except Exception as error:
                message = Surveyed(path, None, jobs.failure(self._service, error))
        self.post_message(message)

    @on(Surveyed)
    def surveyed(self, message: Surveyed) -> None:
        self._rack.surveyed(message.path, message.report, message.problem)
        self._show()

    def action_read_again(self) -> None:
        for path in self._rack.forget():
            self._survey(path)
        self._look()
        self._show()

    def _show(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, Frame) and screen.is_whole:
                screen.show(self._rack.bays)

    # What a person asks for

    @on(BayCard.Chosen)
    def chosen(self, message: BayCard.Chosen) -> None:
        bay = self._rack.bays.get(message.bay.path)
        session = self._session
        if bay is None or session is None:
            return
        if bay.work is not None:
            self._watch_work(bay)
        elif bay.action is Action.COLLECT:
            self._begin(bay, Action.COLLECT, 1, jobs.collecting(self._service, bay.path))
        elif bay.action is Action.IMPORT:
            self._begin(bay, Action.IMPORT, 1, jobs.importing(self._service, bay.path, session))
        elif bay.outcome is not None and bay.action is not Action.WRITE:
            self.push_screen(OutcomeScreen(bay, bay.outcome))
        elif bay.report is not None and bay.report.servable:
            self._prepare_review(bay.path)

    @work(thread=True, exclusive=True, group="review")
    def _prepare_review(self, path: Path) -> None:
        try:
            self.post_message(ReviewReady(path, self._service.releases()))
        except Exception as error:
            self.post_message(Surveyed(path, None, jobs.failure(self._service, error)))

    @on(ReviewReady)
    def review_ready(self, message: ReviewReady) -> None:
        bay = self._rack.bays.get(message.path)
        if self.screen is self._home and bay is not None and bay.report is not None:
            self.push_screen(ReviewScreen(bay, message.releases), lambda found: self._write(bay, found or ()))

    def _write(self, bay: Bay, devices: tuple[str, ...]) -> None:
        session = self._session
        if not devices or session is None or bay.path not in self._rack.bays:
            return
        cancelled = self._rack.cancellable(bay.path)
        job = jobs.writing(self._service, bay.path, devices, session, cancelled.is_set)
        self._begin(bay, Action.WRITE, len(devices), job)

    @on(ProgressScreen.Cancelled)
    def cancel(self, message: ProgressScreen.Cancelled) -> None:
        self._rack.cancel(message.path)
        self._show()

    def action_results(self) -> None:
        if self._session is not None and self.screen is self._home:
            self.push_screen(ResultsScreen(self._service))

    def action_lock(self) -> None:
        if self._session is not None:
            self.lock("")

    def action_help(self) -> None:
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(type(self.screen).__name__))

    async def action_quit(self) -> None:
        if self._may_quit:
            self.exit()

    # Work on a medium

    def _begin(self, bay: Bay, action: Action, packages: int, job: jobs.Job) -> None:
        pace = Pace(_PHASES[action], packages, self._clock())
        busy = self._rack.begin(bay.path, Work(action, pace))
        self._run_job(bay.path, job)
        self._watch_work(busy)
        self._show()

    @work(thread=True, group="jobs")
    def _run_job(self, path: Path, job: jobs.Job) -> None:
        last = -math.inf

        def report(progress: Progress) -> None:
            nonlocal last
            now = self._clock()
            if now - last >= _STEP or progress.done == progress.total:
                last = now
                self.post_message(Advanced(path, progress, now))

        with self._rack.lock(path):
            outcome = jobs.ending(self._service, job, report)
            self._watcher.finished(path)
        self.post_message(Ended(path, outcome))

    @on(Advanced)
    def advanced(self, message: Advanced) -> None:
        self._rack.advance(message.path, message.progress, message.at)
        self._show()

    def _let_time_pass(self) -> None:
        if self._rack.let_time_pass(self._clock()):
            self._show()

    @on(Ended)
    def ended(self, message: Ended) -> None:
        ended = self._rack.end(message.path, message.outcome)
        if not ended.gone:
            self._survey(message.path)
        self._look()
        self._show_outcome(ended, message.outcome)
        self._show()

    def _watch_work(self, bay: Bay) -> None:
        self.push_screen(ProgressScreen(bay))

    def _show_outcome(self, bay: Bay, outcome: Outcome) -> None:
        """In place of the progress that a person watches, also below the help."""
        for screen in self.screen_stack:
            if isinstance(screen, ProgressScreen) and screen.path == bay.path:
                while self.screen is not screen:
                    self.pop_screen()
                self.switch_screen(OutcomeScreen(bay, outcome))
                return
