"""Progress bars on standard error, where that is a terminal and somebody has to wait."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

import click

from appliance.cli.quantities import amount
from media_format.progress import Pace, Progress

_PATIENCE: Final = 1.0
"""Seconds that a phase may take before it is shown."""


class ProgressBars:
    """Receives progress and shows one bar a phase. A context manager; silent where there is no terminal."""

    def __init__(self, patience: float = _PATIENCE, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._pace = Pace((), 1, clock())
        self._bar: Any = None

    def __enter__(self) -> ProgressBars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def __call__(self, progress: Progress) -> None:
        if not sys.stderr.isatty() or progress.total <= 0:
            return
        if progress.phase != self._pace.phase:
            self._end()
            self._pace = Pace((), 1, self._clock())
        self._pace = self._pace.advanced(progress, self._clock())
        if self._bar is None:
            if self._pace.now - self._pace.began < self._patience:
                return
            self._bar = click.progressbar(
                length=progress.total,
                label=f"{progress.phase:<12}",
                file=sys.stderr,
                show_eta=False,
                show_percent=True,
                item_show_func=lambda _: _words(self._pace),
                width=24,
            )
            self._bar.__enter__()
        self._bar.update(progress.done - self._bar.pos, self._pace)

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
        self._bar, self._pace = None, Pace((), 1, self._clock())


def _words(pace: Pace) -> str:
    """How fast, and how long still."""
    speed = "" if pace.speed is None else f"{amount(pace.speed)}/s"
    left = "" if not pace.left else f"{int(pace.left) // 60}:{int(pace.left) % 60:02} left"
    return "  ".join(filter(None, (speed, left)))
