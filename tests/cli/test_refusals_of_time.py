"""Clocks that are dead, set back or set years ahead; certificates and packages outside their dates."""

from __future__ import annotations

from pathlib import Path

from media_format.refusal import Code
from tests.cli import attacker
from tests.cli.refusals import box_refuses, device_refuses, device_refuses_and_reports, reports
from tests.cli.wall_clock import DAY, wall_clock
from tests.cli.workshop import Workshop, mounted


def test_a_device_without_a_clock_installs_nothing(delivered: Workshop) -> None:
    _kill_clock(delivered.device / "device.toml")
    device_refuses_and_reports(delivered, Code.TIME_UNTRUSTED)


def test_a_device_with_a_clock_decades_ahead_installs_nothing(delivered: Workshop) -> None:
    with wall_clock(days=21 * 365):
        device_refuses(delivered, Code.TIME_UNTRUSTED)
    reports(delivered, Code.TIME_UNTRUSTED)


def test_a_device_with_a_clock_set_back_installs_nothing(delivered: Workshop) -> None:
    with wall_clock(days=-1):
        device_refuses(delivered, Code.TIME_BEFORE_FLOOR)
    reports(delivered, Code.TIME_BEFORE_FLOOR)


def test_a_box_without_a_clock_admits_nobody(delivered: Workshop) -> None:
    _kill_clock(delivered.box / "box.toml")
    box_refuses(delivered, Code.TIME_UNTRUSTED, "admit", delivered.box, delivered.stick)


def test_a_box_with_a_clock_set_back_admits_nobody(delivered: Workshop) -> None:
    with wall_clock(days=-1):
        box_refuses(delivered, Code.TIME_BEFORE_FLOOR, "admit", delivered.box, delivered.stick)


def test_a_package_past_its_expiry_is_not_installed(delivered: Workshop) -> None:
    with wall_clock(days=91):
        device_refuses_and_reports(delivered, Code.PACKAGE_EXPIRED)


def test_a_release_past_its_install_by_date_is_not_imported(enrolled: Workshop) -> None:
    enrolled.make_release("1.0.0", "--install-by", attacker.now() + 10 * DAY)
    with wall_clock(days=11):
        source = enrolled.folder / "1.0.0"
        words = ("import", enrolled.box, source, *enrolled.pin())
        advice = "The release may not be installed any more; ask the vendor for a newer one."
        box_refuses(enrolled, Code.PACKAGE_EXPIRED, *words, advice=advice)


def test_a_package_sealed_with_an_expired_box_certificate_is_not_installed(delivered: Workshop) -> None:
    expired = attacker.box_signer(delivered, lifetime=DAY)
    with wall_clock(days=2):
        with mounted(delivered.stick) as volume:
            attacker.reseal(volume, expired, issued_at=attacker.now())
        device_refuses_and_reports(delivered, Code.CERTIFICATE_EXPIRED)


def test_a_box_whose_certificate_has_ended_does_not_get_by_with_an_earlier_date(delivered: Workshop) -> None:
    """The box is not revoked, all keys are right, the request is answered: only the date is false."""
    ended = attacker.box_signer(delivered, lifetime=DAY)
    delivered.install()
    delivered.release("1.1.0")
    with wall_clock(days=3):
        delivered.fresh_stick()
        delivered.ask()
        delivered.write()
        with mounted(delivered.stick) as volume:
            attacker.reseal(volume, ended, issued_at=attacker.now() - 3 * DAY + 60)
        device_refuses_and_reports(delivered, Code.TIME_BEFORE_FLOOR)


def test_no_package_lives_for_decades(delivered: Workshop) -> None:
    with mounted(delivered.stick) as volume:
        issued = attacker.take_apart(volume).envelope.issued_at
        attacker.reseal(volume, attacker.box_signer(delivered), expires=issued + 50 * 365 * DAY)
    device_refuses_and_reports(delivered, Code.PACKAGE_EXPIRED)


def test_a_request_written_with_a_clock_ahead_is_answered_once_the_clock_is_right(running: Workshop) -> None:
    with wall_clock(days=30):
        running.do("device", "request", running.device, running.stick)
    running.ask()
    running.write()
    running.install()


def test_a_package_from_a_box_whose_clock_runs_ahead_is_not_installed_before_its_issue(
    running: Workshop,
) -> None:
    with wall_clock(days=10):
        running.write()
    device_refuses(running, Code.CERTIFICATE_NOT_YET_VALID)
    with wall_clock(days=11):
        reports(running, Code.CERTIFICATE_NOT_YET_VALID)


def test_a_box_whose_certificate_has_expired_writes_nothing(delivered: Workshop) -> None:
    with wall_clock(days=2 * 365 - 1):
        delivered.release("1.1.0")
        delivered.ask()
    with wall_clock(days=2 * 365 + 1):
        write = ("write", delivered.box, delivered.stick, "--device", "PUMP-1", *delivered.pin())
        box_refuses(delivered, Code.CERTIFICATE_EXPIRED, *write)


def _kill_clock(configuration: Path) -> None:
    text = configuration.read_text()
    assert '["development"]' in text
    configuration.write_text(text.replace('["development"]', "[]"))
