"""Time from the system's own gpsd: only with a position, and down to an install that has no other clock."""

from __future__ import annotations

from pathlib import Path

from appliance.trust.time_sources.gpsd import Gpsd
from tests.time.nmea import with_position, without_position
from tests.time.receiver import gpsd

NOON = 1_795_694_400
"""26 November 2026, 12:00 UTC."""


def test_a_receiver_that_knows_where_it_is_tells_the_time(tmp_path: Path) -> None:
    with gpsd(tmp_path, with_position(NOON, 20)) as port:
        read = Gpsd(port=port).read()
    assert read is not None
    assert NOON <= read < NOON + 20


def test_a_receiver_without_a_position_is_silent(tmp_path: Path) -> None:
    with gpsd(tmp_path, without_position(NOON)) as port:
        assert Gpsd(port=port, patience=1.0).read() is None
