"""Trusted time: which reading is believed, and what a floor may rise to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from appliance.trust.clock import BOX, SKEW, TrustedTime, raised_floor, trusted_time
from media_format.refusal import Code, Refusal
from tests.trust_world import refused

FLOOR = 1_000_000
HORIZON = 1000
times = st.integers(0, 2_000_000) | st.integers(FLOOR - 5, FLOOR + HORIZON + 5)


def test_the_first_source_that_can_be_believed_is_taken() -> None:
    readings = (("rtc", None), ("kernel", FLOOR + 5), ("gpsd", FLOOR + 6))
    assert trusted_time(readings, FLOOR, HORIZON) == TrustedTime(FLOOR + 5, "kernel")


def test_a_source_behind_the_floor_is_passed_over_for_a_later_one() -> None:
    readings = (("rtc", 0), ("gpsd", FLOOR))
    assert trusted_time(readings, FLOOR, HORIZON) == TrustedTime(FLOOR, "gpsd")


def test_a_dead_clock_leaves_no_trusted_time() -> None:
    for readings in ((), (("rtc", None),)):
        with refused(Code.TIME_UNTRUSTED):
            trusted_time(readings, FLOOR, HORIZON)


def test_a_clock_that_was_set_back_is_named_as_such() -> None:
    with refused(Code.TIME_BEFORE_FLOOR):
        trusted_time((("rtc", FLOOR - 1), ("gpsd", FLOOR + HORIZON + 1)), FLOOR, HORIZON)


def test_a_clock_set_years_ahead_is_not_trusted() -> None:
    assert trusted_time((("rtc", FLOOR + HORIZON),), FLOOR, HORIZON).time == FLOOR + HORIZON
    with refused(Code.TIME_UNTRUSTED):
        trusted_time((("rtc", FLOOR + HORIZON + 1),), FLOOR, HORIZON)


@given(st.lists(st.tuples(st.sampled_from(["rtc", "gpsd", BOX]), st.none() | times), max_size=4))
def test_a_believed_time_is_a_reading_between_floor_and_horizon(
    readings: list[tuple[str, int | None]],
) -> None:
    try:
        now = trusted_time(readings, FLOOR, HORIZON)
    except Refusal as refusal:
        assert refusal.code in (Code.TIME_UNTRUSTED, Code.TIME_BEFORE_FLOOR)
        assert not any(value is not None and FLOOR <= value <= FLOOR + HORIZON for _, value in readings)
    else:
        assert (now.source, now.time) in readings
        assert FLOOR <= now.time <= FLOOR + HORIZON


@given(st.integers(FLOOR, FLOOR + HORIZON), st.sampled_from(["rtc", BOX]), st.lists(times, max_size=4))
def test_a_floor_never_sinks_and_never_passes_the_trusted_time(
    now: int, source: str, vendor_dates: list[int]
) -> None:
    floor = raised_floor(FLOOR, TrustedTime(now, source), vendor_dates)
    assert FLOOR <= floor <= now
    assert floor >= max((min(date - SKEW, now) for date in vendor_dates), default=FLOOR)


@given(st.integers(FLOOR, FLOOR + HORIZON))
def test_a_box_cannot_raise_the_floor_and_a_clock_can(now: int) -> None:
    assert raised_floor(FLOOR, TrustedTime(now, BOX), ()) == FLOOR
    assert raised_floor(FLOOR, TrustedTime(now, "rtc"), ()) == max(FLOOR, now - SKEW)
