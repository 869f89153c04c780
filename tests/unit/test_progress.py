"""The pace of long work, by a clock that is passed in: what is said at first, smoothed, and in a stall."""

from __future__ import annotations

import pytest

from media_format.progress import Pace, Progress

MB = 1_000_000


def pace(*reports: tuple[float, int], phases: tuple[str, ...] = (), packages: int = 1) -> Pace:
    """The pace after reports of (seconds, megabytes done of 100) in the phase "write"."""
    found = Pace(phases, packages, began=reports[0][0])
    for at, done in reports:
        found = found.advanced(Progress("write", done * MB, 100 * MB), at)
    return found


def test_nothing_is_foretold_in_the_first_second() -> None:
    early = pace((0, 0), (0.9, 10))
    assert (early.speed, early.left, early.stalled) == (None, None, False)
    assert early.fraction == pytest.approx(0.1)


def test_a_steady_speed_is_told_as_it_is_with_the_time_that_it_leaves() -> None:
    steady = pace(*[(second, 10 * second) for second in range(6)])
    assert steady.speed == pytest.approx(10 * MB)
    assert steady.left == pytest.approx(5)


def test_a_burst_moves_the_speed_a_little_and_a_lasting_change_all_of_it() -> None:
    slow = [(float(second), second) for second in range(11)]
    burst = pace(*slow, (10.1, 14))
    assert burst.speed is not None and MB < burst.speed < 2 * MB
    lasting = pace(*slow, *[(10.0 + second, 10 + 4 * second) for second in range(1, 21)])
    assert lasting.speed == pytest.approx(4 * MB, rel=0.1)


def test_how_often_is_reported_does_not_change_what_is_told() -> None:
    often = pace((0.0, 0), *[(step / 10, step) for step in range(1, 81)])
    seldom = pace((0.0, 0), (4.0, 40), (8.0, 80))
    assert often.speed == pytest.approx(seldom.speed)


def test_a_stall_is_told_and_foretells_nothing() -> None:
    going = pace((0, 0), (2, 20))
    assert not going.at(6.9).stalled
    still = going.at(7)
    assert (still.stalled, still.speed, still.left) == (True, None, None)
    assert still.fraction == going.fraction


def test_after_a_stall_the_speed_counts_the_time_that_was_lost() -> None:
    after = pace((0, 0), (2, 20)).at(12).advanced(Progress("write", 21 * MB, 100 * MB), 12)
    assert not after.stalled
    assert after.speed is not None and after.speed < 5 * MB


def test_what_is_done_does_not_stall() -> None:
    assert not pace((0, 0), (2, 100)).at(100).stalled


def test_the_time_left_is_that_of_all_phases_and_packages() -> None:
    half = pace((0, 0), (5, 50), phases=("write", "read back"), packages=2)
    assert half.fraction == pytest.approx(1 / 8)
    assert half.left == pytest.approx(35)


def test_a_clock_that_stands_still_divides_nothing_by_zero() -> None:
    assert pace((0, 0), (0, 50), (0, 100)).speed is None


def test_work_that_begins_in_its_middle_is_not_taken_for_fast() -> None:
    begun = pace((0, 90), (2, 92))
    assert begun.speed == pytest.approx(MB)
