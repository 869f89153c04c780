"""The device's own storage, bootloader and health; TPMs that are gone, exchanged or locked; wrong PINs."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from media_format.refusal import Code
from tests.cli.refusals import box_refuses, device_refuses, device_refuses_and_reports, reports, says
from tests.cli.state import device_state
from tests.cli.wall_clock import wall_clock
from tests.cli.workshop import PIN, Workshop, run, run_program
from tests.tpm.keystores import kill_keystore


def test_a_slot_that_does_not_take_what_is_written_fails_the_release(running: Workshop) -> None:
    stick = running.folder / "stick"
    stick.mkdir()
    running.ask(medium=stick)
    running.write(medium=stick)
    with files_at_most(96 * 1024):
        device_refuses(running, Code.SLOT_READBACK_MISMATCH, medium=stick, streamed=True)
    reports(running, Code.SLOT_READBACK_MISMATCH, "failed", medium=stick)


def test_a_release_damaged_in_its_slot_does_not_boot(running: Workshop) -> None:
    running.write()
    running.install()
    for bank in ("a", "b"):
        _damage(running, bank)
    before = device_state(running.device)
    said = run("device", "verify-boot", running.device, "--json")
    assert "banks" not in says(said, Code.SLOT_READBACK_MISMATCH)
    assert device_state(running.device) == before


def test_a_device_falls_back_from_a_release_damaged_in_its_slot(upgraded: Workshop) -> None:
    _damage(upgraded, "a")
    data = says(run("device", "verify-boot", upgraded.device, "--json"), Code.SLOT_READBACK_MISMATCH)
    assert (data["version"], data["fell_back"]) == ("1.0.0", True)


def test_a_release_that_never_says_it_is_healthy_is_left(running: Workshop) -> None:
    running.write()
    running.do("device", "apply", running.device, running.stick)
    for _ in range(3):
        booted = running.do("device", "verify-boot", running.device)
        assert (booted["version"], booted["on_trial"]) == ("1.1.0", True)
    data = says(run("device", "verify-boot", running.device, "--json"), Code.HEALTH_CHECK_FAILED)
    assert data["version"] == "1.0.0"
    running.ask()
    reports(running, Code.HEALTH_CHECK_FAILED, "failed")


def test_a_boot_control_that_does_not_answer_stops_the_install(running: Workshop) -> None:
    running.write()
    (running.device / "boot.cbor").write_bytes(b"garbage")
    device_refuses_and_reports(running, Code.BOOT_CONTROL_FAILED)


def test_a_wrong_pin_opens_nothing(delivered: Workshop) -> None:
    (delivered.folder / "pin").write_text("314159\n")
    write = ("write", delivered.box, delivered.stick, "--device", "PUMP-1", *delivered.pin())
    box_refuses(delivered, Code.PIN_WRONG, *write)


def test_a_wrong_passphrase_opens_no_authority(enrolled: Workshop) -> None:
    (enrolled.folder / "passphrase").write_text("wrong horse battery\n")
    lists = enrolled.folder / "lists.pem"
    says(
        run("vendor", "crl", enrolled.vendor, "--out", lists, *enrolled.passphrase(), "--json"),
        Code.PIN_WRONG,
        "The passphrase is wrong; try again with the one that was chosen at `updatebox vendor init`.",
    )
    assert not lists.exists()


def test_after_five_wrong_pins_the_right_one_has_to_wait(delivered: Workshop) -> None:
    write = ("write", delivered.box, delivered.stick, "--device", "PUMP-1", *delivered.pin())
    keep_keys_in_process(delivered.box)
    (delivered.folder / "pin").write_text("314159\n")
    for _ in range(5):
        box_refuses(delivered, Code.PIN_WRONG, *write)
    (delivered.folder / "pin").write_text(f"{PIN}\n")
    box_refuses(delivered, Code.TPM_LOCKED, *write)
    with wall_clock(seconds=61):
        delivered.do("box", *write)


def test_each_wrong_pin_after_the_fifth_doubles_the_wait(delivered: Workshop) -> None:
    write = ("write", delivered.box, delivered.stick, "--device", "PUMP-1", *delivered.pin())
    keep_keys_in_process(delivered.box)
    (delivered.folder / "pin").write_text("314159\n")
    for _ in range(5):
        box_refuses(delivered, Code.PIN_WRONG, *write)
    with wall_clock(seconds=61):
        box_refuses(delivered, Code.PIN_WRONG, *write)
    (delivered.folder / "pin").write_text(f"{PIN}\n")
    with wall_clock(seconds=61 + 90):
        box_refuses(delivered, Code.TPM_LOCKED, *write)
    with wall_clock(seconds=61 + 121):
        delivered.do("box", *write)


def test_a_lock_out_survives_the_end_of_the_process_that_keeps_the_keys(delivered: Workshop) -> None:
    write = ("write", delivered.box, delivered.stick, "--device", "PUMP-1", *delivered.pin())
    (delivered.folder / "pin").write_text("314159\n")
    for _ in range(5):
        box_refuses(delivered, Code.PIN_WRONG, *write)
    (delivered.folder / "pin").write_text(f"{PIN}\n")
    kill_keystore(delivered.box / "tpm")
    box_refuses(delivered, Code.TPM_LOCKED, *write)


def keep_keys_in_process(box: Path) -> None:
    """The keystore has a clock of its own, which no test turns forward."""
    configuration = box / "box.toml"
    text = configuration.read_text()
    assert '"soft:' in text
    configuration.write_text(text.replace('"soft:', '"soft-in-process:'))


def test_a_box_without_its_tpm_does_nothing(delivered: Workshop) -> None:
    shutil.rmtree(delivered.box / "tpm")
    write = ("write", delivered.box, delivered.stick, "--device", "PUMP-1", *delivered.pin())
    box_refuses(delivered, Code.TPM_UNAVAILABLE, *write)


def test_a_tpm_that_others_can_read_is_not_used(delivered: Workshop) -> None:
    (delivered.device / "tpm").chmod(0o755)
    device_refuses(delivered, Code.TPM_UNAVAILABLE)


def test_state_copied_back_under_a_tpm_that_went_on_is_noticed(delivered: Workshop) -> None:
    record = delivered.device / "record.sealed"
    kept = record.read_bytes()
    delivered.do("device", "request", delivered.device, delivered.stick)
    record.write_bytes(kept)
    device_refuses(delivered, Code.TPM_UNAVAILABLE)


@pytest.mark.parametrize(("pin", "status"), [("314159", 5), ("", 2)], ids=["wrong", "empty"])
def test_the_program_ends_with_5_for_a_wrong_pin_and_with_2_for_none(
    delivered: Workshop, pin: str, status: int
) -> None:
    (delivered.folder / "pin").write_text(f"{pin}\n")
    write = ("write", delivered.box, delivered.stick, "--device", "PUMP-1", *delivered.pin())
    assert run_program("box", *write).status == status


def _damage(shop: Workshop, bank: str) -> None:
    path = shop.device / f"slots/{bank}.img"
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)


@contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """Let no file grow past a size, nor be written there: storage that fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
