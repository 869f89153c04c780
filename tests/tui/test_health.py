"""The line about the box: healthy, attention or not ready, and what to do about it."""

from __future__ import annotations

from dataclasses import replace

from appliance.box import BoxStatus
from appliance.tpm import TpmStatus
from appliance.trust.chain import ExpiryWarning
from appliance.trust.clock import TrustedTime
from tui.health import Level, judge

NOW = 1_800_000_000  # 2027-01-15
DAY = 86400
GOOD = BoxStatus(
    id="box-1",
    vendor="Acme",
    time=TrustedTime(NOW, "rtc"),
    time_problem=None,
    tpm=TpmStatus("tpm2", (), 0, 5, None),
    releases=1,
    devices=3,
    warnings=(),
    free=10**12,
)


def test_a_good_box_is_healthy_and_names_time_source_and_tpm() -> None:
    health = judge(GOOD)
    assert (health.level, health.problems) == (Level.GOOD, ())
    assert health.facts == "2027-01-15 08:00 UTC (rtc)  TPM tpm2: ready  1 release"


def test_a_certificate_that_ends_soon_is_a_warning_with_its_day() -> None:
    warning = ExpiryWarning("the certificate 'box-1'", NOW + 20 * DAY, 30)
    health = judge(replace(GOOD, warnings=(warning,)))
    assert health.level is Level.WARNING
    assert health.problems[0].startswith("Expires on 2027-02-04: the certificate 'box-1'.")
    assert "less than 30 days left" in health.problems[0]


def test_a_certificate_that_has_ended_is_worse_and_comes_first() -> None:
    soon, past = ExpiryWarning("one", NOW + DAY, 30), ExpiryWarning("another", NOW - DAY, 30)
    health = judge(replace(GOOD, warnings=(soon, past)))
    assert health.level is Level.TROUBLE
    assert [problem[:14] for problem in health.problems] == ["Expired on 202", "Expires on 202"]


def test_a_box_without_certificates_is_not_ready() -> None:
    health = judge(replace(GOOD, vendor=None, time=None, time_problem="no certificates yet"))
    assert health.level is Level.TROUBLE
    assert len(health.problems) == 1
    assert health.problems[0].startswith("No certificates yet. Send the box's enrolment request")


def test_a_box_without_trusted_time_is_not_ready() -> None:
    health = judge(replace(GOOD, time=None, time_problem="time-untrusted: no source gives one"))
    assert health.level is Level.TROUBLE
    assert "no trusted time" in health.facts
    assert "Set or repair the clock" in health.problems[0]


def test_a_lock_out_is_named_with_its_end() -> None:
    locked = replace(GOOD.tpm, locked_until=NOW + 60)
    assert "a PIN locked until 08:01:00 UTC" in judge(replace(GOOD, tpm=locked)).facts


def test_little_room_in_the_store_is_a_warning() -> None:
    health = judge(replace(GOOD, free=300_000_000))
    assert health.level is Level.WARNING
    assert "Only 300.0 MB are free" in health.problems[0]
