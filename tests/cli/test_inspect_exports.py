"""`inspect` explains what a box exports and its backups: whose, signed or not, and what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from media_format.receipt_file import decode_receipts, encode_receipts
from media_format.refusal import Code
from tests.cli.refusals import says
from tests.cli.workshop import Workshop, run


def exported(shop: Workshop, what: str, *, signed: bool = False) -> Path:
    out = shop.folder / f"exported-{what}"
    shop.do(
        "box", "export", shop.box, f"--{what}", "--out", out, *(("--signed", *shop.pin()) if signed else ())
    )
    return out


def found(shop: Workshop, *words: object) -> dict[str, Any]:
    (only,) = shop.do("inspect", *words)["found"]
    assert isinstance(only, dict)
    return only


def notes(explained: dict[str, Any]) -> str:
    return "\n".join(note["text"] for note in explained["notes"])


def edited(file: Path, number: int, **values: object) -> None:
    """Change a line of an exported ledger."""
    lines = file.read_text().splitlines()
    lines[number] = json.dumps({**json.loads(lines[number]), **values})
    file.write_text("\n".join(lines) + "\n")


# Receipts


def test_exported_receipts_are_counted_and_told_one_by_one(upgraded: Workshop) -> None:
    upgraded.reported()
    told = found(upgraded, exported(upgraded, "receipts"))
    assert (told["kind"], len(told["fields"]["receipts"])) == ("receipts file", 4)
    assert told["summary"].startswith("4 receipts of 1 device, 20")
    assert "not signed" in told["summary"]


def test_receipts_that_a_box_signed_name_the_box(upgraded: Workshop) -> None:
    upgraded.reported()
    said = run("inspect", exported(upgraded, "receipts", signed=True))
    assert "in the name of BOX-1, 20" in " ".join(said.out.split())
    assert "signed by CN=BOX-1 (box identity)" in said.out


def test_receipts_that_a_box_signed_are_accepted_under_its_vendors_anchor(upgraded: Workshop) -> None:
    file, anchor = exported(upgraded, "receipts", signed=True), upgraded.folder / "box.pem"
    assert found(upgraded, file, "--anchor", anchor)["answer"]["accepted"] is True


def test_a_box_that_exported_nothing_is_told_of(enrolled: Workshop) -> None:
    assert found(enrolled, exported(enrolled, "receipts"))["summary"].startswith("0 receipts of 0 devices")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda receipt: receipt[:-1] + bytes([receipt[-1] ^ 1]),
            "receipt 2 was changed",
        ),
        (lambda receipt: receipt[:-1], "receipt 2 is damaged: malformed"),
    ],
    ids=["changed", "cut"],
)
def test_one_bad_receipt_among_others_is_named(upgraded: Workshop, spoil: Any, said: str) -> None:
    upgraded.reported()
    file = exported(upgraded, "receipts")
    receipts = list(decode_receipts(file.read_bytes()))
    receipts[1] = spoil(receipts[1])
    file.write_bytes(encode_receipts(receipts))
    told = found(upgraded, file)
    assert len(told["notes"]) == 1
    assert said in notes(told)
    assert said in run("inspect", file).out
    assert len(told["fields"]["receipts"]) == 4


def test_a_bit_that_fell_over_anywhere_in_signed_receipts_is_told_of(upgraded: Workshop) -> None:
    upgraded.reported()
    file = exported(upgraded, "receipts", signed=True)
    data = file.read_bytes()
    for place in range(0, len(data), len(data) // 60):
        file.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        said = run("inspect", file, "--json")
        assert said.status in (0, 3), place
        assert said.status or json.loads(said.out)["found"][0]["notes"], place


def test_receipts_that_were_cut_off_are_refused_for_that(upgraded: Workshop) -> None:
    upgraded.reported()
    file = exported(upgraded, "receipts")
    file.write_bytes(file.read_bytes()[:-1])
    refused = run("inspect", file, "--json")
    says(refused, Code.MALFORMED)
    assert "receipts file" in refused.err


# Ledgers


def test_an_exported_ledger_says_whose_it_is_and_what_was_done(enrolled: Workshop) -> None:
    file = exported(enrolled, "ledger", signed=True)
    told = found(enrolled, file)
    fields = told["fields"]
    assert (told["kind"], fields["box"], fields["whole"]) == ("exported ledger", "BOX-1", True)
    assert fields["entries"] == fields["signed"] == len(file.read_text().splitlines()) - 1
    assert fields["begins"] <= fields["ends"]
    assert {"1 x init", "1 x export"} <= set(fields["acts"])
    assert told["notes"] == []
    said = " ".join(run("inspect", file).out.split())
    assert "signed to its end" in said
    assert "certificate CN=BOX-1 (box identity)" in said


def test_a_ledger_that_nobody_signed_to_its_end_says_so(delivered: Workshop) -> None:
    assert "NO SIGNED END" in run("inspect", exported(delivered, "ledger")).out


def test_entries_that_are_not_right_are_named(enrolled: Workshop) -> None:
    file = exported(enrolled, "ledger", signed=True)
    edited(file, 2, detail="nothing of note")
    assert notes(found(enrolled, file)) == "entry 2: it was edited"
    assert "entry 2: it was edited" in run("inspect", file).out


def test_a_ledger_that_was_cut_within_a_line_is_told_of_up_to_there(enrolled: Workshop) -> None:
    file = exported(enrolled, "ledger", signed=True)
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines)[:-10])
    told = found(enrolled, file)
    assert told["fields"]["entries"] == len(lines) - 2
    assert f"it ends within line {len(lines)}" in notes(told)
    assert told["fields"]["whole"] is False


def test_a_ledger_is_judged_under_an_anchor(enrolled: Workshop) -> None:
    file, anchor = exported(enrolled, "ledger", signed=True), ("--anchor", enrolled.folder / "box.pem")
    assert found(enrolled, file, *anchor)["answer"]["accepted"] is True
    edited(file, 0, box="BOX-2")
    assert found(enrolled, file, *anchor)["answer"]["code"] == "purpose-mismatch"
    edited(file, 0, box="BOX-1")
    edited(file, 2, who="eve")
    answer = found(enrolled, file, *anchor)["answer"]
    assert (answer["accepted"], "it was edited" in answer["detail"]) == (False, True)


@pytest.mark.parametrize("certificates", [[], ["00"], [1]], ids=["no certificate", "no DER", "no text"])
def test_a_ledger_without_a_readable_certificate_is_refused(
    enrolled: Workshop, certificates: list[object]
) -> None:
    file = exported(enrolled, "ledger")
    edited(file, 0, certificates=certificates)
    says(run("inspect", file, "--json"), Code.MALFORMED)


# Backups


@pytest.fixture
def backup(enrolled: Workshop) -> Path:
    secret = enrolled.folder / "secret"
    secret.write_text("correct horse battery\n")
    file = enrolled.folder / "backup"
    enrolled.do("box", "backup", enrolled.box, file, "--passphrase-file", secret, *enrolled.pin())
    return file


def test_a_backup_is_told_of_without_its_passphrase(enrolled: Workshop, backup: Path) -> None:
    told = found(enrolled, backup)
    assert (told["kind"], told["fields"]["box"], told["fields"]["cut off"]) == (
        "backup of a box",
        "BOX-1",
        False,
    )
    assert told["summary"].startswith("of BOX-1, made 20")
    assert "Argon2id, 3 passes" in told["fields"]["passphrase"]
    assert "not even this is certain" in notes(told)


def test_a_backup_that_was_cut_off_says_so(enrolled: Workshop, backup: Path) -> None:
    whole = backup.read_bytes()
    for length in (len(whole) - 1, len(whole) // 2, 200):
        backup.write_bytes(whole[:length])
        told = found(enrolled, backup)
        assert told["fields"]["cut off"] is True
        assert "it was cut off" in notes(told)


def test_a_backup_whose_head_is_damaged_is_refused_for_that(enrolled: Workshop, backup: Path) -> None:
    data = bytearray(backup.read_bytes())
    data[25] ^= 0xFF
    backup.write_bytes(data)
    says(run("inspect", backup, "--json"), Code.MALFORMED)
