"""Progress bars: on a terminal, for what takes a while, and nowhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from appliance.cli.progress import ProgressBars
from media_format.progress import Progress


class _Screen:
    """What a person saw."""

    shown = ""


@contextmanager
def _screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Screen]:
    """Standard error on a terminal for a while; afterwards `shown` is what was on it."""
    master, slave = os.openpty()
    screen = _Screen()
    try:
        with os.fdopen(slave, "w") as terminal, monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", terminal)
            yield screen
            terminal.flush()
            os.set_blocking(master, False)
            while True:
                try:
                    screen.shown += os.read(master, 65536).decode()
                except BlockingIOError:
                    break
    finally:
        os.close(master)


def test_a_bar_names_its_phase_and_fills(monkeypatch: pytest.MonkeyPatch) -> None:
    with _screen(monkeypatch) as screen, ProgressBars(patience=0) as bars:
        for done in (0, 50, 100):
            bars(Progress("write", done, 100))
    assert "write" in screen.shown
    assert " 50%" in screen.shown
    assert "100%" in screen.shown


def test_a_bar_tells_the_speed_and_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.0, *map(float, range(10))])
    with _screen(monkeypatch) as screen, ProgressBars(patience=0, clock=lambda: next(clock)) as bars:
        for done in range(4):
            bars(Progress("write", done << 20, 64 << 20))
    assert "1.0 MiB/s" in screen.shown
    assert "1:01 left" in screen.shown


def test_each_phase_has_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with _screen(monkeypatch) as screen, ProgressBars(patience=0) as bars:
        bars(Progress("write", 10, 10))
        bars(Progress("read back", 10, 10))
    (first, second) = [line for line in screen.shown.split("\n") if "%" in line]
    assert "write" in first
    assert "read back" in second


def test_a_line_is_ended_when_the_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with _screen(monkeypatch) as screen, pytest.raises(OSError), ProgressBars(patience=0) as bars:
        bars(Progress("write", 1, 10))
        raise OSError
    assert "\n" in screen.shown[screen.shown.index("write") :]


def test_what_is_quick_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with _screen(monkeypatch) as screen, ProgressBars(patience=3600) as bars:
        bars(Progress("write", 10, 10))
    assert screen.shown == ""


def test_work_of_unknown_size_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with _screen(monkeypatch) as screen, ProgressBars(patience=0) as bars:
        bars(Progress("write", 0, 0))
    assert screen.shown == ""


def test_a_file_gets_no_bars(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBars(patience=0) as bars:
        bars(Progress("write", 1, 2))
    assert capsys.readouterr() == ("", "")
