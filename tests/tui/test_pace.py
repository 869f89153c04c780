"""How progress is told: over all packages and phases, with speed and time left once they mean something."""

from __future__ import annotations

from appliance.box import Progress
from tui.pace import Pace

MB = 1_000_000


def writing(packages: int, *reports: tuple[float, str, int]) -> Pace:
    """The pace after reports of (seconds, phase, megabytes done of 100)."""
    pace = Pace(("write", "read back"), packages, began=0.0)
    for at, phase, done in reports:
        pace = pace.advanced(Progress(phase, done * MB, 100 * MB), at)
    return pace


def test_nothing_is_done_before_the_first_report() -> None:
    assert writing(1).fraction == 0
    assert writing(1).words == "Looking at the medium"


def test_reading_back_is_the_second_half_of_a_package() -> None:
    assert writing(1, (1, "write", 50)).fraction == 0.25
    assert writing(1, (1, "write", 100), (2, "read back", 50)).fraction == 0.75


def test_a_second_package_goes_on_where_the_first_ended() -> None:
    reports = ((1.0, "write", 100), (2.0, "read back", 100), (3.0, "write", 50))
    pace = writing(2, *reports)
    assert pace.fraction == 0.625
    assert "Sealing and writing 2 of 2: 50.0 MB" in pace.words


def test_a_package_that_was_read_back_in_one_report_does_not_hide_the_next() -> None:
    assert writing(2, (1, "write", 100), (1, "write", 10)).package == 2


def test_speed_is_that_of_the_phase_and_not_of_all_the_time() -> None:
    reports = ((0.0, "write", 0), (10.0, "write", 100), (10.0, "read back", 0), (12.0, "read back", 100))
    assert "50.0 MB/s" in writing(1, *reports).words


def test_remaining_time_follows_from_what_is_done() -> None:
    assert "30 s left" in writing(1, (0, "write", 0), (10, "write", 50)).words


def test_nothing_is_foretold_from_the_first_moments() -> None:
    words = writing(1, (0.0, "write", 0), (0.5, "write", 50)).words
    assert "left" not in words and "/s" not in words


def test_the_whole_is_never_more_than_everything() -> None:
    assert writing(1, (1, "write", 100), (2, "read back", 100), (3, "write", 100)).fraction == 1.0
