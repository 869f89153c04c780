"""A fleet whose vendor chose a strict policy: several signers, fresh lists, answers only, time from a box."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from unittest import mock

import pytest

from appliance.trust.purpose import Purpose
from media_format import cose, layout
from media_format.objects import Manifest
from media_format.refusal import Code
from tests.cli import attacker, stages
from tests.cli.refusals import box_refuses, device_refuses, device_refuses_and_reports, reports
from tests.cli.wall_clock import DAY, wall_clock
from tests.cli.workshop import Workshop, mounted, run

POLICY = (
    *("--signatures", 2, "--crl-max-age", 30, "--clock-horizon", 365),
    *("--box-time", "--nonce-boots", 1, "--no-unrequested", "--mode", "sealed", "--mode", "signed"),
)


@pytest.fixture(scope="module")
def _strict(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return stages.enrolled(tmp_path_factory.mktemp("policies") / "enrolled", *POLICY)


@pytest.fixture
def strict(_strict: Workshop, tmp_path: Path) -> Workshop:
    """The stick holds release 1.0.0 for PUMP-1."""
    return stages.delivered(tmp_path / "shop", _strict)


def test_a_vendor_says_which_policy_it_was_made_with(tmp_path: Path) -> None:
    secret = tmp_path / "passphrase"
    secret.write_text("correct horse battery\n")
    arguments = ("--name", "Acme", *POLICY, "--passphrase-file", secret)
    policy = run("vendor", "init", tmp_path / "vendor", *arguments, "--json").data["policy"]
    ((family, count),) = [(rule["family"], rule["count"]) for rule in policy["signatures"]]
    assert (family, count) == ("ecdsa", 2)
    assert (policy["crl_max_age"], policy["clock_horizon"]) == (30 * DAY, 365 * DAY)
    assert (policy["box_time"], policy["nonce_boots"], policy["unrequested"]) == (True, 1, False)
    assert policy["modes"] == ["sealed", "signed"]


def test_a_release_with_as_many_signatures_as_the_policy_demands_is_installed(strict: Workshop) -> None:
    strict.install()
    assert strict.do("device", "status", strict.device)["status"]["version"] == "1.0.0"


def test_a_release_from_which_a_signature_was_taken_is_not_installed(strict: Workshop) -> None:
    with mounted(strict.stick) as volume:
        payload = attacker.take_apart(volume).manifest.to_bytes()
        ca = attacker.vendor_issuer(strict, Purpose.RELEASE_SIGNER)
        alone = cose.sign(Manifest.CONTENT_TYPE, payload, [attacker.release_signer(ca, 1)])
        attacker.replace_part(volume, layout.MANIFEST, alone)
    device_refuses_and_reports(strict, Code.THRESHOLD_NOT_MET)


def test_a_release_signed_twice_with_one_key_is_not_installed(strict: Workshop) -> None:
    with mounted(strict.stick) as volume:
        ca = attacker.vendor_issuer(strict, Purpose.RELEASE_SIGNER)
        signer = attacker.release_signer(ca, 1)
        attacker.sign_manifest(volume, [signer, signer])
    device_refuses_and_reports(strict, Code.THRESHOLD_NOT_MET)


def test_a_device_whose_lists_are_too_old_installs_nothing(strict: Workshop) -> None:
    with wall_clock(days=31):
        device_refuses(strict, Code.REVOCATION_STALE)
    reports(strict, Code.REVOCATION_STALE)


def test_a_box_whose_lists_are_too_old_admits_nobody_until_it_gets_fresh_ones(strict: Workshop) -> None:
    with wall_clock(days=31):
        box_refuses(strict, Code.REVOCATION_STALE, "admit", strict.box, strict.stick)
        _bring_lists(strict)
        strict.do("box", "admit", strict.box, strict.stick)


def test_a_package_that_answers_no_request_is_not_installed(strict: Workshop) -> None:
    with mounted(strict.stick) as volume:
        (recipient,) = attacker.take_apart(volume).envelope.recipients
        assert recipient.device is not None
        unasked = dataclasses.replace(recipient, device=dataclasses.replace(recipient.device, answers=None))
        attacker.reseal(volume, attacker.box_signer(strict), recipients=(unasked,))
    device_refuses_and_reports(strict, Code.REQUEST_MISMATCH)


def test_a_device_without_a_clock_takes_the_time_from_the_answer_to_its_request(strict: Workshop) -> None:
    _kill_clock(strict)
    strict.install()
    (installed,) = strict.reported()
    assert installed["outcome"] == "installed"


def test_a_device_without_a_clock_does_not_take_the_time_from_the_answer_to_an_old_request(
    strict: Workshop,
) -> None:
    strict.install()
    strict.release("1.1.0")
    strict.fresh_stick()
    strict.ask()
    strict.write()
    _kill_clock(strict)
    for _ in range(2):
        strict.do("device", "verify-boot", strict.device)
    device_refuses_and_reports(strict, Code.TIME_UNTRUSTED)


def test_a_request_grows_too_old_to_tell_the_time_after_a_reboot_as_well(strict: Workshop) -> None:
    """The record, the TPM and the package are untouched: the device was only restarted, and ran for long."""
    _kill_clock(strict)
    strict.do("device", "verify-boot", strict.device)
    with mock.patch("appliance.device.reporting.uptime", return_value=20 * 365 * DAY):
        device_refuses_and_reports(strict, Code.TIME_UNTRUSTED)


def test_a_request_still_tells_the_time_soon_after_a_reboot(strict: Workshop) -> None:
    _kill_clock(strict)
    strict.do("device", "verify-boot", strict.device)
    with mock.patch("appliance.device.reporting.uptime", return_value=60):
        strict.install()


def test_a_subverted_box_that_tells_a_time_ahead_does_not_lock_a_device_out(strict: Workshop) -> None:
    _kill_clock(strict)
    with mounted(strict.stick) as volume:
        ahead = attacker.now() + 20 * DAY
        attacker.reseal(volume, attacker.box_signer(strict), issued_at=ahead, expires=ahead + DAY)
    strict.install()
    assert strict.do("device", "status", strict.device)["status"]["time_floor"] <= attacker.now()
    strict.release("1.1.0")
    strict.fresh_stick()
    strict.ask()
    strict.write()
    strict.install()


def test_a_box_that_lay_longer_than_its_horizon_goes_on_after_it_gets_fresh_lists(strict: Workshop) -> None:
    with wall_clock(days=400):
        box_refuses(strict, Code.TIME_UNTRUSTED, "admit", strict.box, strict.stick)
        _bring_lists(strict)
        strict.do("box", "admit", strict.box, strict.stick)


def _bring_lists(shop: Workshop) -> None:
    lists = shop.folder / "lists.pem"
    shop.do("vendor", "crl", shop.vendor, "--out", lists, *shop.passphrase())
    shop.do("box", "certs", shop.box, "--install", lists)


def _kill_clock(shop: Workshop) -> None:
    configuration = shop.device / "device.toml"
    text = configuration.read_text()
    assert '["development"]' in text
    configuration.write_text(text.replace('["development"]', "[]"))
