"""Receipts on their way from boxes to the vendor, and revocation lists on theirs to the boxes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from media_format import cose
from media_format.objects import Receipt
from media_format.receipt_file import decode_receipts, encode_receipts
from media_format.refusal import Code
from tests.cli import attacker
from tests.cli.refusals import box_refuses, says
from tests.cli.workshop import Workshop, run


@pytest.fixture
def exported(upgraded: Workshop) -> Workshop:
    """PUMP-1 went to 1.0.0 and 1.1.0, and the box has exported what it collected into receipts.file."""
    upgraded.reported()
    out = upgraded.folder / "receipts.file"
    done = upgraded.do("box", "export", upgraded.box, "--receipts", "--out", out)
    assert done["receipts"] == 4
    return upgraded


def test_the_vendor_learns_what_runs_where(exported: Workshop) -> None:
    found = _import(exported)
    assert (found["new"], found["known"], found["refused"]) == (4, 0, [])
    (pump,) = found["devices"]
    assert (pump["device_id"], pump["version"], pump["outcome"]) == ("PUMP-1", "1.1.0", "confirmed")
    assert (pump["receipts"], pump["missing"], pump["forked"]) == (4, 0, False)


def test_the_same_receipts_are_merged_once(exported: Workshop) -> None:
    _import(exported)
    found = _import(exported)
    assert (found["new"], found["known"], found["devices"][0]["receipts"]) == (0, 4, 4)


def test_a_receipt_that_no_box_brought_is_missed(exported: Workshop) -> None:
    path = exported.folder / "receipts.file"
    newest_first = sorted(decode_receipts(path.read_bytes()), key=_counter, reverse=True)
    path.write_bytes(encode_receipts(newest_first[:-1]))
    assert _import(exported)["devices"][0]["missing"] == 1


def test_a_forged_receipt_is_not_merged(exported: Workshop) -> None:
    path = exported.folder / "receipts.file"
    (first, *_) = decode_receipts(path.read_bytes())
    path.write_bytes(encode_receipts([first[:-1] + bytes([first[-1] ^ 1])]))
    said = run("vendor", "receipts", exported.vendor, "--import", path, "--json")
    assert says(said, Code.SIGNATURE_INVALID)["devices"] == []


def test_what_is_no_receipts_file_is_refused(exported: Workshop) -> None:
    path = exported.folder / "receipts.file"
    path.write_bytes(b"garbage")
    says(run("vendor", "receipts", exported.vendor, "--import", path, "--json"), Code.MALFORMED)


def test_a_ledger_that_was_exported_holds_its_chain(exported: Workshop) -> None:
    out = exported.folder / "ledger.json"
    count = exported.do("box", "export", exported.box, "--ledger", "--out", out)["ledger"]
    ledger = json.loads(out.read_text())
    entries = ledger["entries"]
    assert (ledger["box"], len(entries)) == ("BOX-1", count)
    assert [entry["previous"] for entry in entries[1:]] == [entry["digest"] for entry in entries[:-1]]


def test_a_revocation_reaches_a_box_in_a_file(delivered: Workshop) -> None:
    secret = delivered.passphrase()
    delivered.do("vendor", "revoke", delivered.vendor, "--cert", delivered.folder / "PUMP-1.pem", *secret)
    lists = delivered.folder / "lists.pem"
    delivered.do("vendor", "crl", delivered.vendor, "--out", lists, *secret)
    assert delivered.do("box", "certs", delivered.box, "--install", lists)["lists"] > 0
    box_refuses(delivered, Code.REVOKED, "admit", delivered.box, delivered.stick)


def test_the_lists_of_another_vendor_are_not_taken(delivered: Workshop) -> None:
    pirate = attacker.pirate_box(delivered)
    lists = pirate.folder / "lists.pem"
    pirate.do("vendor", "crl", pirate.vendor, "--out", lists, *pirate.passphrase())
    box_refuses(delivered, Code.CHAIN_INVALID, "certs", delivered.box, "--install", lists)


def _import(shop: Workshop) -> dict[str, Any]:
    return shop.do("vendor", "receipts", shop.vendor, "--import", shop.folder / "receipts.file")


def _counter(receipt: bytes) -> int:
    signed = cose.read_sign1(receipt, Receipt.CONTENT_TYPE, Receipt.LIMIT)
    return Receipt.from_bytes(signed.payload).counter
