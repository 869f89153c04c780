"""The kiosk's program: it holds the session, watches media, and puts the screens in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from textual import on, work
from textual.app import App
from textual.events import Key
from textual.widgets import ListView

from appliance.box import (
    Action,
    BoxService,
    MachineFault,
    MediaWatcher,
    MediumInserted,
    MediumPassedOver,
    Misuse,
    Refusal,
    Session,
)
from tui import texts
from tui.bays import Bay
from tui.messages import MediumChanged, Noted, Surveyed
from tui.screens.bays import BayCard, BaysScreen
from tui.screens.help import HelpScreen
from tui.screens.results import ResultsScreen
from tui.screens.unlock import UnlockScreen
from tui.screens.write import WriteScreen

IDLE = 300.0
"""Seconds without a key after which the kiosk locks itself."""


class Kiosk(App[None]):
    """The kiosk of one box. `fixed` are media that are always there: image files, for those who test."""

    CSS_PATH = "kiosk.tcss"
    TITLE = texts.TITLE
    ENABLE_COMMAND_PALETTE = False
    BINDINGS = [  # noqa: RUF012  # Textual's own form
        ("f1", "help", "Help"),
        ("f2", "read_again", "Read again"),
        ("f3", "results", "Results"),
        ("f4", "lock", "Lock"),
        ("ctrl+q", "quit", "Quit"),
    ]

    def __init__(
        self,
        service: BoxService,
        *,
        fixed: tuple[Path, ...] = (),
        directories: tuple[Path, ...] = (),
        udev: bool = True,
    ) -> None:
        super().__init__()
        self._service = service
        self._fixed = fixed
        self._watch: Callable[[], MediaWatcher] = lambda: service.watch_media(
            udev=udev, directories=directories
        )
        self._watcher: MediaWatcher | None = None
        self._session: Session | None = None
        self._active = time.monotonic()
        self.bays: dict[Path, Bay] = {}
        self._home = BaysScreen()

    def on_mount(self) -> None:
        self.sub_title = self._service.status().id
        self.push_screen(self._home)
        self._ask_who("")
        self._watcher = self._watch()
        self._watch_media(self._watcher)
        for path in self._fixed:
            self._insert(path)
        self.set_interval(5, self._lock_when_idle)

    def on_unmount(self) -> None:
        if self._watcher is not None:
            self._watcher.close()

    def on_key(self, event: Key) -> None:
        self._active = time.monotonic()

    # Who is there

    def _ask_who(self, notice: str) -> None:
        self._session = None
        self.push_screen(UnlockScreen(self._service, notice), self._unlocked)

    def _unlocked(self, session: Session | None) -> None:
        self._session = session
        self._active = time.monotonic()

    def _lock_when_idle(self) -> None:
        at_home = self.screen in (self._home,) or isinstance(self.screen, ResultsScreen)
        if at_home and time.monotonic() - self._active > IDLE:
            self._ask_who(texts.LOCKED_IDLE)

    def action_lock(self) -> None:
        if self._session is not None and self.screen is self._home:
            self._ask_who("")

    # Media

    @work(thread=True, group="watcher")
    def _watch_media(self, watcher: MediaWatcher) -> None:
        while (event := watcher.next()) is not None:
            self.post_message(MediumChanged(event))

    @on(MediumChanged)
    async def medium_changed(self, message: MediumChanged) -> None:
        event = message.event
        if isinstance(event, MediumInserted):
            self._insert(event.path)
        elif not isinstance(event, MediumPassedOver):
            self.bays.pop(event.path, None)
        await self._home.show(self.bays)

    def _insert(self, path: Path) -> None:
        self.bays[path] = Bay(path)
        self._survey(path)

    @work(thread=True, group="survey")
    def _survey(self, path: Path) -> None:
        try:
            self.post_message(Surveyed(path, self._service.survey(path), ""))
        except Refusal as refusal:
            self.post_message(Surveyed(path, None, f"{refusal.advice} ({refusal.detail})"))
        except (Misuse, MachineFault) as error:
            self.post_message(Surveyed(path, None, str(error)))

    @on(Surveyed)
    async def surveyed(self, message: Surveyed) -> None:
        bay = self.bays.get(message.path)
        if bay is not None:
            self.bays[message.path] = replace(bay, report=message.report, problem=message.problem)
            await self._home.show(self.bays)

    @on(Noted)
    def noted(self, message: Noted) -> None:
        bay = self.bays.get(message.path)
        if bay is not None:
            self.bays[message.path] = replace(bay, note=message.text)
            self._survey(message.path)

    # What a person asks for

    @on(ListView.Selected, "#bays")
    def chosen(self, message: ListView.Selected) -> None:
        if not isinstance(message.item, BayCard) or self._session is None:
            return
        bay, session = message.item.bay, self._session
        if bay.action is Action.WRITE:
            self.push_screen(WriteScreen(self._service, bay, session), lambda _: self._worked_on(bay.path))
        elif bay.action is Action.COLLECT:
            self._work(bay.path, lambda: self._collect(bay.path))
        elif bay.action is Action.IMPORT:
            self._work(bay.path, lambda: self._import(bay.path, session))

    def _worked_on(self, path: Path) -> None:
        if self._watcher is not None:
            self._watcher.finished(path)
        self._survey(path)

    @work(thread=True, group="work")
    def _work(self, path: Path, act: Callable[[], str]) -> None:
        try:
            text = act()
        except Refusal as refusal:
            text = f"{refusal.advice} ({refusal.detail})"
        except (Misuse, MachineFault) as error:
            text = str(error)
        self.post_message(Noted(path, text))

    def _collect(self, path: Path) -> str:
        self._service.collect(path)
        return texts.COLLECTED

    def _import(self, path: Path, session: Session) -> str:
        found = self._service.import_release(path, session, lambda _: None)
        return texts.IMPORTED + ", ".join(f"{release.product} {release.version}" for release in found)

    def action_read_again(self) -> None:
        for path in self.bays:
            self._survey(path)

    def action_results(self) -> None:
        if self._session is not None and self.screen is self._home:
            self.push_screen(ResultsScreen(self._service))

    def action_help(self) -> None:
        self.push_screen(HelpScreen(type(self.screen).__name__))
