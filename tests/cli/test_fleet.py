"""Receipts on their way from boxes to the vendor, and revocation lists on theirs to the boxes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from media_format import cbor, cose
from media_format.objects import Receipt
from media_format.receipt_file import ReceiptCollection, decode_receipts, encode_receipts
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


def test_a_file_that_a_box_signed_says_who_brings_it(exported: Workshop) -> None:
    signed = _signed(exported)
    found = exported.do("vendor", "receipts", exported.vendor, "--import", signed)
    assert (found["new"], found["boxes"]) == (4, ["BOX-1"])
    assert found["devices"][0]["boxes"] == ["BOX-1"]
    assert _import(exported)["boxes"] == [None]


def test_a_signed_file_from_which_a_receipt_was_taken_is_refused(exported: Workshop) -> None:
    path = _signed(exported)
    signed = cose.read_sign1(path.read_bytes(), ReceiptCollection.CONTENT_TYPE, ReceiptCollection.LIMIT)
    collection = ReceiptCollection.from_bytes(signed.payload)
    fewer = dataclasses.replace(collection, receipts=collection.receipts[1:])
    tag = cbor.decode(path.read_bytes(), ReceiptCollection.LIMIT, "file")
    assert isinstance(tag, cbor.Tag)
    assert isinstance(tag.value, list)
    path.write_bytes(cbor.encode(cbor.Tag(tag.number, [*tag.value[:2], fewer.to_bytes(), tag.value[3]])))
    said = run("vendor", "receipts", exported.vendor, "--import", path, "--json")
    says(said, Code.SIGNATURE_INVALID)


def test_a_file_that_another_vendors_box_signed_is_refused(exported: Workshop) -> None:
    pirate = attacker.pirate_box(exported)
    out = pirate.folder / "theirs.file"
    pirate.do("box", "export", pirate.box, "--receipts", "--signed", "--out", out, *pirate.pin())
    said = run("vendor", "receipts", exported.vendor, "--import", out, "--json")
    says(said, Code.CHAIN_INVALID)


def test_a_file_that_a_revoked_box_signed_is_refused(exported: Workshop) -> None:
    path, secret = _signed(exported), exported.passphrase()
    exported.do("vendor", "revoke", exported.vendor, "--cert", exported.folder / "box.pem", *secret)
    said = run("vendor", "receipts", exported.vendor, "--import", path, "--json")
    says(said, Code.REVOKED)


def test_the_fleet_is_listed_by_what_became_of_it(exported: Workshop) -> None:
    _import(exported)

    def ids(*options: object) -> list[str]:
        found = exported.do("vendor", "receipts", exported.vendor, *options)["devices"]
        return [str(device["device_id"]) for device in found]

    assert ids("--outcome", "confirmed") == ["PUMP-1"]
    assert ids("--outcome", "failed") == ids("--missing") == ids("--after", "PUMP-1") == []


def test_receipts_of_a_time_are_exported_alone(exported: Workshop) -> None:
    out = exported.folder / "some.file"
    verb = ("box", "export", exported.box, "--receipts", "--out", out, "--force")
    collected = exported.do("box", "receipts", exported.box)["receipts"][0]["collected"]
    assert exported.do(*verb, "--since", collected)["receipts"] > 0
    assert exported.do(*verb, "--since", collected + 1)["receipts"] == 0


def test_an_exported_ledger_is_checked_with_a_file_of_the_vendors_alone(exported: Workshop) -> None:
    out = exported.folder / "ledger.json"
    exported.do("box", "export", exported.box, "--ledger", "--signed", "--out", out, *exported.pin())
    verb = ("box", "ledger", "--verify", "--file", out, "--key", exported.folder / "box.pem")
    found = run(*verb, "--json")
    assert (found.status, found.data["audit"]["whole"], found.data["audit"]["box"]) == (0, True, "BOX-1")
    out.write_text(out.read_text().replace("supervisor", "somebody", 1))
    said = run(*verb)
    assert (said.status, "Entry 1: it was edited." in said.err) == (1, True)


def test_what_is_no_receipts_file_is_refused(exported: Workshop) -> None:
    path = exported.folder / "receipts.file"
    path.write_bytes(b"garbage")
    says(run("vendor", "receipts", exported.vendor, "--import", path, "--json"), Code.MALFORMED)


def test_a_ledger_that_was_exported_holds_its_chain(exported: Workshop) -> None:
    out = exported.folder / "ledger.json"
    count = exported.do("box", "export", exported.box, "--ledger", "--out", out)["ledger"]
    head, *entries = map(json.loads, out.read_text().splitlines())
    assert (head["box"], len(entries)) == ("BOX-1", count)
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


def _signed(shop: Workshop) -> Path:
    out = shop.folder / "signed.file"
    shop.do("box", "export", shop.box, "--receipts", "--signed", "--out", out, *shop.pin())
    return out


def _counter(receipt: bytes) -> int:
    signed = cose.read_sign1(receipt, Receipt.CONTENT_TYPE, Receipt.LIMIT)
    return Receipt.from_bytes(signed.payload).counter
