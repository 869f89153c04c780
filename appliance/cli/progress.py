"""Progress bars on standard error, where that is a terminal and somebody has to wait."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any, Final

import click

from media_format.progress import Progress

_PATIENCE: Final = 1.0
"""Seconds that a phase may take before it is shown."""


class ProgressBars:
    """Receives progress and shows one bar a phase. A context manager; silent where there is no terminal."""

    def __init__(self, patience: float = _PATIENCE) -> None:
        self._patience = patience
        self._phase = ""
        self._began = 0.0
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
        if progress.phase != self._phase:
            self._end()
            self._phase, self._began = progress.phase, time.monotonic()
        if self._bar is None:
            if time.monotonic() - self._began < self._patience:
                return
            self._bar = click.progressbar(
                length=progress.total, label=f"{progress.phase:<12}", file=sys.stderr, show_eta=True, width=30
            )
            self._bar.__enter__()
        self._bar.update(progress.done - self._bar.pos)

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
        self._bar, self._phase = None, ""
