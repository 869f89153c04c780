"""Time from the system's own gpsd: a position or silence, whatever its receiver says."""

from __future__ import annotations

from pathlib import Path

from appliance.trust.time_sources.gpsd import Gpsd
from tests.time.nmea import damaged, with_position, without_position
from tests.time.receiver import gpsd, playing, wait_for_cycle, wait_for_report

NOON = 1_795_694_400
"""26 November 2026, 12:00 UTC."""
LONG = 2000
"""Seconds of a log that takes minutes to play: it does not begin again while a test runs."""
YEAR = 365 * 86400


def test_a_receiver_that_knows_where_it_is_tells_the_time(tmp_path: Path) -> None:
    with gpsd(tmp_path, with_position(NOON, 20)) as port:
        read = Gpsd(port=port).read()
    assert read is not None
    assert NOON <= read < NOON + 20


def test_a_receiver_without_a_position_is_silent(tmp_path: Path) -> None:
    with gpsd(tmp_path, without_position(NOON)) as port:
        assert Gpsd(port=port, patience=1.0).read() is None


def test_the_time_that_a_receiver_shows_before_it_has_a_position_does_not_count(tmp_path: Path) -> None:
    log = without_position(NOON - YEAR, 20) + with_position(NOON, LONG)
    with gpsd(tmp_path, log) as port:
        read = Gpsd(port=port, patience=30.0).read()
    assert read is not None
    assert NOON <= read < NOON + LONG


def test_a_receiver_that_lost_its_position_is_silent_again(tmp_path: Path) -> None:
    with gpsd(tmp_path, with_position(NOON, 20) + without_position(NOON + 20, LONG)) as port:
        wait_for_report(port, position=False)
        assert Gpsd(port=port, patience=1.0).read() is None


def test_a_receiver_on_a_bad_line_is_silent(tmp_path: Path) -> None:
    with playing(tmp_path, damaged(with_position(NOON, 3))) as (port, said):
        wait_for_cycle(said)
        assert Gpsd(port=port, patience=1.0).read() is None


def test_a_receiver_that_was_pulled_tells_nothing_any_more(tmp_path: Path) -> None:
    with gpsd(tmp_path, with_position(NOON, 20)) as port:
        assert Gpsd(port=port).read() is not None
    assert Gpsd(port=port).read() is None
