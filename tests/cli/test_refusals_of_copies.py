"""State that somebody changed, exchanged or copied back: at the device, in its TPM, or both together."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from media_format import layout
from media_format.crl_files import write_crls
from media_format.refusal import Code
from tests.cli import attacker
from tests.cli.refusals import box_refuses, device_refuses, says
from tests.cli.workshop import Workshop, mounted, run


def test_a_record_in_which_the_floor_was_changed_does_not_open(delivered: Workshop) -> None:
    record = delivered.device / "record.sealed"
    data = bytearray(record.read_bytes())
    data[len(data) // 2] ^= 1
    record.write_bytes(data)
    device_refuses(delivered, Code.TPM_UNAVAILABLE)


def test_a_record_sealed_by_another_devices_tpm_does_not_open(delivered: Workshop) -> None:
    shutil.copy(delivered.other / "record.sealed", delivered.device / "record.sealed")
    device_refuses(delivered, Code.TPM_UNAVAILABLE)


def test_a_device_with_the_tpm_of_another_one_installs_nothing(delivered: Workshop) -> None:
    shutil.rmtree(delivered.device / "tpm")
    shutil.copytree(delivered.other / "tpm", delivered.device / "tpm")
    device_refuses(delivered, Code.TPM_UNAVAILABLE)


def test_a_device_whose_tpm_was_cleared_installs_nothing(delivered: Workshop) -> None:
    shutil.rmtree(delivered.device / "tpm")
    device_refuses(delivered, Code.TPM_UNAVAILABLE)


def test_a_whole_state_directory_copied_back_under_a_tpm_that_went_on_is_refused(delivered: Workshop) -> None:
    kept = _copy(delivered.device, delivered.folder / "kept")
    delivered.install()
    delivered.fresh_stick()
    delivered.ask()
    for path in kept.iterdir():
        if path.name != "tpm":
            _put_back(path, delivered.device / path.name)
    device_refuses(delivered, Code.TPM_UNAVAILABLE)
    says(run("device", "request", delivered.device, delivered.stick, "--json"), Code.TPM_UNAVAILABLE)


def test_a_box_flags_a_device_that_was_copied_back_together_with_its_tpm(delivered: Workshop) -> None:
    delivered.install()
    kept = _copy(delivered.device, delivered.folder / "kept")
    delivered.fresh_stick()
    delivered.ask()
    shutil.rmtree(delivered.device)
    _copy(kept, delivered.device)
    stick = delivered.fresh_stick("second.img")
    delivered.do("device", "request", delivered.device, stick)
    admit = ("admit", delivered.box, stick)
    refused = box_refuses(delivered, Code.REQUEST_REPLAYED, *admit, medium=stick)
    assert "copied back" in refused["detail"]
    assert run(*("box", *admit)).err.startswith("request-replayed: PUMP-1: two different requests")


def test_a_request_older_than_one_that_was_seen_is_refused_after_more_than_one_step(
    delivered: Workshop,
) -> None:
    kept = _copy(delivered.device, delivered.folder / "kept")
    for _ in range(3):
        delivered.ask()
    shutil.rmtree(delivered.device)
    _copy(kept, delivered.device)
    stick = delivered.fresh_stick("second.img")
    delivered.do("device", "request", delivered.device, stick)
    box_refuses(delivered, Code.REQUEST_REPLAYED, "admit", delivered.box, stick, medium=stick)


def test_a_trust_anchor_exchanged_for_another_vendors_is_noticed(running: Workshop) -> None:
    """TPM, record and slots are untouched; certificates.pem is another vendor's answer to this device."""
    shutil.copy(_another_vendors_answer(running), running.device / "certificates.pem")
    running.do("box", "write", running.box, running.stick, "--device", "PUMP-1", *running.pin())
    for verb in ("request", "apply"):
        refused = says(run("device", verb, running.device, running.stick, "--json"), Code.CHAIN_INVALID)
        assert "enrolled with" in refused["detail"]
    refused = says(run("device", "verify-boot", running.device, "--json"), Code.CHAIN_INVALID)
    assert "enrolled with" in refused["detail"]


def test_a_device_whose_certificates_are_gone_takes_no_other_vendors(running: Workshop) -> None:
    """TPM, record and slots are untouched: only certificates.pem was removed."""
    certificates, own = running.device / "certificates.pem", running.folder / "own.pem"
    shutil.move(certificates, own)
    install = ("device", "certs", running.device, "--install")
    says(run(*install, _another_vendors_answer(running), "--json"), Code.CHAIN_INVALID)
    assert not certificates.exists()
    running.do(*install, own)
    running.write()
    running.install()


@pytest.mark.parametrize("back", ["an older file", "none"])
def test_revocation_lists_that_were_copied_back_alone_are_missed(running: Workshop, back: str) -> None:
    """TPM, record and certificates are untouched; only crls.cbor is older, or gone."""
    lists = running.device / "crls.cbor"
    older = lists.read_bytes()
    running.do("vendor", "crl", running.vendor, "--out", running.folder / "lists.pem", *running.passphrase())
    with mounted(running.stick) as volume:
        write_crls(volume, [path.read_bytes() for path in running.vendor.glob("*.crl")])
    run("device", "apply", running.device, running.stick)
    newer = lists.read_bytes()
    assert newer != older
    lists.unlink() if back == "none" else lists.write_bytes(older)
    running.fresh_stick()
    running.ask()
    running.write()
    with mounted(running.stick) as volume:
        for entry in volume.list(layout.TRUST):
            volume.delete(f"{layout.TRUST}/{entry.name}")
        attacker.reseal(volume, attacker.box_signer(running), crl_numbers=())
    device_refuses(running, Code.REVOCATION_STALE)
    with mounted(running.stick) as volume:
        write_crls(volume, [path.read_bytes() for path in running.vendor.glob("*.crl")])
    running.install()
    assert lists.read_bytes() == newer


def _another_vendors_answer(shop: Workshop) -> Path:
    """Certificates for this very device's keys, and the trust anchor of whoever issued them."""
    pirate = attacker.pirate_box(shop)
    answer = pirate.folder / "answer.pem"
    enrol = ("enrol", "device", pirate.vendor, "--csr", shop.device / "enrolment.req", "--out", answer)
    pirate.do("vendor", *enrol, *pirate.passphrase())
    return answer


def _copy(source: Path, target: Path) -> Path:
    return Path(shutil.copytree(source, target, symlinks=True))


def _put_back(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
    else:
        shutil.copy(source, target)
