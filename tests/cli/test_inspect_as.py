"""`inspect --as` says what a machine would answer, in its own words, and leaves the machine as it is."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from media_format import layout
from media_format.refusal import ADVICE, Code
from tests.box.test_store_migrations import back_to_the_first, schema
from tests.cli import attacker
from tests.cli.ordering import order
from tests.cli.refusals import says
from tests.cli.state import box_state
from tests.cli.wall_clock import DAY, wall_clock
from tests.cli.workshop import Workshop, mounted, package_on, run

KEYSTORES_OWN = ("audit.jsonl", "keystore.name", "starting.lock")
"""The trace that every use of a TPM leaves with its keystore, and the keystore's own socket."""


def answers(
    shop: Workshop, machine: Path, *options: object, path: Path | None = None
) -> list[dict[str, Any]]:
    """What the machine would answer to each thing; nothing of it changes meanwhile."""
    before = files(machine)
    found = shop.do("inspect", path or shop.stick, "--as", machine, *options)["found"]
    assert files(machine) == before
    return [entry for entry in found if "answer" in entry]


def files(machine: Path) -> dict[str, Any]:
    """Every file of a machine; of a box's database what is in it."""
    found: dict[str, Any] = {
        str(path.relative_to(machine)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in machine.rglob("*")
        if path.is_file() and path.name not in KEYSTORES_OWN and not path.name.startswith("box.db")
    }
    if (machine / "box.db").exists():
        found |= box_state(machine)
    return found


def of_kind(found: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (entry,) = [entry for entry in found if entry["kind"] == kind]
    return entry


Spoil = Callable[[Workshop], object]


def _flipped(shop: Workshop) -> None:
    with mounted(shop.stick) as volume:
        attacker.flip(volume, f"{package_on(volume)}/{layout.MANIFEST}", -1)


def _damaged(shop: Workshop) -> None:
    with mounted(shop.stick) as volume:
        attacker.replace_part(volume, layout.MANIFEST, b"\xd8\x62garbage")


def _half_copied(shop: Workshop) -> None:
    with mounted(shop.stick) as volume:
        volume.delete(f"{package_on(volume)}/{layout.segment(0)}")


def _key_of_another_package(shop: Workshop) -> None:
    with mounted(shop.stick) as volume:
        (recipient,) = attacker.take_apart(volume).envelope.recipients
        other = dataclasses.replace(recipient, wrapped_key=bytes(len(recipient.wrapped_key)))
        attacker.reseal(volume, attacker.box_signer(shop), recipients=(other,))


def _stranger(shop: Workshop) -> None:
    pirate = attacker.pirate_box(shop)
    with mounted(shop.stick) as volume:
        attacker.reseal(volume, attacker.box_signer(pirate))


def _installed(shop: Workshop) -> None:
    shop.install()


def _expired(shop: Workshop) -> None:
    with mounted(shop.stick) as volume:
        issued = attacker.take_apart(volume).envelope.issued_at
        attacker.reseal(volume, attacker.box_signer(shop), expires=issued)


SPOILT: dict[str, tuple[Spoil, Code | None]] = {
    "as the box wrote it": (lambda shop: None, None),
    "a flipped bit": (_flipped, Code.SIGNATURE_INVALID),
    "a damaged manifest": (_damaged, Code.MALFORMED),
    "half copied": (_half_copied, Code.TRUNCATED),
    "a content key that does not open": (_key_of_another_package, Code.DECRYPTION_FAILED),
    "another vendor's box": (_stranger, Code.CHAIN_INVALID),
    "a revoked box": (lambda shop: attacker.revoke(shop, "box.pem"), Code.REVOKED),
    "past its date": (_expired, Code.PACKAGE_EXPIRED),
    "installed already": (_installed, Code.ALREADY_INSTALLED),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_devices_answer_is_that_of_the_device(delivered: Workshop, how: str) -> None:
    spoil, code = SPOILT[how]
    spoil(delivered)
    moment = attacker.now() + 1
    with mock.patch("time.time", return_value=moment):
        found = of_kind(answers(delivered, delivered.device), "envelope")["answer"]
        said = run("device", "apply", delivered.device, delivered.stick, "--dry-run", "--json")
        applied = run("device", "apply", delivered.device, delivered.stick, "--json")
    (real,) = said.data["packages"]
    assert applied.data["packages"][0]["code"] == code
    assert (found["by"], found["code"]) == ("the device PUMP-1", real["code"])
    assert found["accepted"] is (code is None)
    assert found["code"] == code
    if code is not None:
        assert (found["detail"], found["advice"]) == (real["detail"], ADVICE[code])


def test_another_device_answers_for_itself(delivered: Workshop) -> None:
    found = of_kind(answers(delivered, delivered.other), "envelope")
    assert found["answer"]["by"] == "the device PUMP-2"
    assert found["answer"]["code"] == Code.NOT_FOR_THIS_DEVICE


def test_a_device_is_asked_how_it_will_answer_at_another_time(delivered: Workshop) -> None:
    for days, code in ((20, None), (400, Code.PACKAGE_EXPIRED), (-30, Code.TIME_BEFORE_FLOOR)):
        moment = attacker.now() + days * DAY
        found = of_kind(answers(delivered, delivered.device, "--at", moment), "envelope")
        assert found["answer"]["code"] == code


def test_a_device_whose_clock_is_wrong_says_so_first(delivered: Workshop) -> None:
    with wall_clock(days=-30):
        found = of_kind(answers(delivered, delivered.device), "envelope")
    assert found["answer"]["code"] == Code.TIME_BEFORE_FLOOR


def test_a_device_on_trial_says_that_it_installs_nothing(delivered: Workshop) -> None:
    delivered.do("device", "apply", delivered.device, delivered.stick)
    delivered.do("device", "verify-boot", delivered.device)
    delivered.release("1.1.0")
    delivered.fresh_stick()
    delivered.ask()
    delivered.write()
    found = of_kind(answers(delivered, delivered.device), "envelope")["answer"]
    assert found["code"] == Code.HEALTH_CHECK_FAILED
    real = run("device", "apply", delivered.device, delivered.stick, "--json").data
    assert (real["code"], real["detail"]) == (found["code"], found["detail"])


def test_a_step_that_a_cut_left_to_a_device_is_not_made_for_it(delivered: Workshop) -> None:
    # The counter is put back by one, as it stands where the power fails before its step.
    for counter in (delivered.device / "tpm").glob("counter-*"):
        before = counter.read_bytes()
        delivered.do("device", "request", delivered.device, delivered.folder / "stick.img")
        counter.write_bytes(before)
    found = of_kind(answers(delivered, delivered.device), "envelope")
    assert found["answer"]["accepted"] is True


def test_without_its_tpm_nobody_says_what_a_device_would_answer(delivered: Workshop) -> None:
    (delivered.device / "tpm").rename(delivered.folder / "elsewhere")
    data = says(run("inspect", delivered.stick, "--as", delivered.device, "--json"), Code.TPM_UNAVAILABLE)
    assert "what the device PUMP-1 would answer is not known without its TPM" in data["detail"]


def test_without_its_tpm_nobody_says_what_a_box_would_answer(delivered: Workshop) -> None:
    (delivered.box / "tpm").rename(delivered.folder / "elsewhere")
    data = says(run("inspect", delivered.stick, "--as", delivered.box, "--json"), Code.TPM_UNAVAILABLE)
    assert f"what the box in {delivered.box} would answer is not known without its TPM" in data["detail"]


def test_a_box_says_what_a_request_would_get(running: Workshop) -> None:
    found = of_kind(answers(running, running.box), "request")["answer"]
    assert (found["by"], found["accepted"], found["detail"]) == ("the box BOX-1", True, "it can get 1.1.0")


@pytest.mark.parametrize("rule", [True, False])
def test_a_boxs_answer_is_that_of_the_box(running: Workshop, rule: bool) -> None:
    if rule:
        running.do("box", "deny", running.box, "--device", "PUMP-1", *running.pin())
    else:
        attacker.revoke(running, "PUMP-1.pem")
    found = of_kind(answers(running, running.box), "request")["answer"]
    real = run("box", "admit", running.box, running.stick, "--json").data
    assert found["code"] == (Code.DEVICE_NOT_ENTITLED if rule else Code.REVOKED)
    assert {name: found[name] for name in ("code", "detail", "advice")} == {
        name: real[name] for name in ("code", "detail", "advice")
    }


def test_a_box_says_of_a_release_whether_it_may_be_imported(running: Workshop) -> None:
    running.make_release("2.0.0")
    for version, detail in (("2.0.0", "may be imported"), ("1.1.0", "is in the store already")):
        found = of_kind(answers(running, running.box, path=running.folder / version), "envelope")
        assert found["answer"]["detail"] == f"infusion-pump {version} {detail}"


def test_a_box_that_was_revoked_says_so_to_everything(running: Workshop) -> None:
    attacker.revoke(running, "box.pem")
    run("box", "admit", running.box, running.stick)
    assert of_kind(answers(running, running.box), "request")["answer"]["code"] == Code.REVOKED


def test_a_box_says_of_a_receipt_whether_it_holds_it(upgraded: Workshop) -> None:
    def details() -> set[str]:
        found = answers(upgraded, upgraded.box)
        return {entry["answer"]["detail"] for entry in found if entry["kind"] == "receipt"}

    assert details() == {"it would be kept"}
    upgraded.reported()
    assert details() == {"it is kept already"}


def test_a_machine_says_whether_it_would_follow_a_directive(running: Workshop) -> None:
    order(running, "time-floor", "--to", attacker.now())
    found = of_kind(answers(running, running.device), "directive")["answer"]
    assert (found["accepted"], found["detail"]) == (True, "it would be followed")
    other = of_kind(answers(running, running.other), "directive")["answer"]
    assert other["code"] == Code.NOT_FOR_THIS_DEVICE
    assert other["advice"] == "This directive is for another machine; take it to the one it names."
    assert of_kind(answers(running, running.box), "directive")["answer"]["code"] == Code.NOT_FOR_THIS_DEVICE


def test_a_machine_says_whether_it_would_take_certificates(delivered: Workshop) -> None:
    own = of_kind(answers(delivered, delivered.device, path=delivered.folder / "PUMP-1.pem"), BUNDLE)
    assert own["answer"]["accepted"] is True
    other = of_kind(answers(delivered, delivered.device, path=delivered.folder / "PUMP-2.pem"), BUNDLE)
    assert other["answer"]["code"] == Code.NOT_FOR_THIS_DEVICE
    box = of_kind(answers(delivered, delivered.box, path=delivered.folder / "PUMP-2.pem"), BUNDLE)
    assert box["answer"]["accepted"] is False


BUNDLE = "certificates and trust anchor"


def test_what_a_machine_never_reads_it_does_not_judge(delivered: Workshop) -> None:
    found = of_kind(answers(delivered, delivered.device), "request")["answer"]
    assert (found["accepted"], found["detail"]) == (None, "boxes read it, devices do not")
    found = of_kind(answers(delivered, delivered.box), "envelope")["answer"]
    assert (found["accepted"], found["detail"]) == (None, "it is for devices; boxes only carry it")


def test_looking_does_not_bring_a_boxs_store_up_to_date(delivered: Workshop) -> None:
    database = delivered.box / "box.db"
    back_to_the_first(database)
    before = schema(database)
    said = run("inspect", delivered.stick, "--as", delivered.box)
    assert (said.status, schema(database)) == (2, before)
    assert f"updatebox box status {delivered.box}" in said.err
    delivered.do("box", "status", delivered.box)
    assert answers(delivered, delivered.box)


def test_a_directory_of_nobody_is_a_misuse(delivered: Workshop) -> None:
    said = run("inspect", delivered.stick, "--as", delivered.vendor)
    assert (said.status, said.err.split(":")[0]) == (2, "misuse")


def test_one_standpoint_is_enough(delivered: Workshop) -> None:
    options = ("--as", delivered.device, "--anchor", delivered.folder / "box.pem")
    assert run("inspect", delivered.stick, *options).status == 2
