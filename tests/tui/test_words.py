"""Times on the kiosk's screens: as the wall clock beside it shows them, whatever a device says."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tui import words

LAST = 253402300799
"""The last second that a device can state: 9999-12-31T23:59:59Z."""


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A box an hour east of Greenwich."""
    monkeypatch.setenv("TZ", "CET-1")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_a_time_is_that_of_the_wall_clock_beside_the_box(berlin: None) -> None:
    assert words.moment(0) == "1970-01-01 01:00 CET"
    assert words.day(86399) == "1970-01-02"
    assert words.time_of_day(1) == "01:00:01 CET"


@pytest.mark.parametrize("seconds", [LAST, 2**62, -(2**62)])
def test_a_time_that_the_calendar_here_does_not_have_is_shown_as_its_number(
    berlin: None, seconds: int
) -> None:
    for shown in (words.moment, words.day, words.time_of_day):
        assert str(seconds) in shown(seconds)
