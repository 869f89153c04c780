"""Taking over what another box knew: what devices signed, whatever else stands in that box's database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.box import BoxService, LeftOut, Person, Restored
from appliance.box.schema import RuleRow, SettingRow
from media_format.objects import Entitlement
from media_format.progress import silent
from media_format.refusal import Code
from tests.workshop import PIN, Box, Workshop, ask, delivered, now, update

SECRET = "a long passphrase"


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def written_to(box: Box, *statements: str) -> None:
    """What somebody does who can write the database, and nothing else."""
    with closing(sqlite3.connect(box.folder / "box.db")) as database, database:
        for statement in statements:
            database.execute(statement)


def taken_over(new: Box, old: Box) -> Restored:
    file = old.folder.parent / "backup"
    old.service.backup(file, SECRET, old.session, silent)
    return BoxService.restore(new.folder, file, SECRET, Person("chief", PIN), now=now)


def reported(shop: Workshop) -> Box:
    """A box with a device and its receipts."""
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    update(device, stick)
    box.service.collect(stick)
    return box


def test_devices_and_receipts_that_no_device_signed_are_not_taken_over(shop: Workshop) -> None:
    old, new = reported(shop), shop.box("box-2")
    genuine = old.service.receipts()
    written_to(
        old,
        "INSERT INTO devices SELECT 'ghost', 1, product, line, hardware, 500, x'00', x'00', 1, 1"
        " FROM devices",
        "INSERT INTO devices SELECT 'twin', 1, product, line, hardware, 9, request, x'00', 1, 1 FROM devices"
        " WHERE id = 'pump-17'",
        "INSERT INTO receipts SELECT 'ghost', 1, 1, x'00', NULL, 'installed', NULL, 'all is well', '1.0',"
        " '9.9', 1, x'00', 1, 0 FROM receipts LIMIT 1",
    )
    found = taken_over(new, old)
    assert [info.id for info in new.service.devices()] == ["pump-17"]
    assert new.service.receipts() == genuine
    assert found.left_out == LeftOut(devices=2, receipts=1)
    (entry,) = [entry for entry in new.service.ledger() if entry.act == "restore"]
    assert entry.detail.endswith("; left out, for nobody signed them: devices 2, receipts 1")
    assert new.service.check_ledger().findings == ()


def test_nothing_is_said_to_be_left_out_of_a_store_in_which_all_is_signed(shop: Workshop) -> None:
    old, new = reported(shop), shop.box("box-2")
    assert taken_over(new, old).left_out == LeftOut()
    (entry,) = [entry for entry in new.service.ledger() if entry.act == "restore"]
    assert "left out" not in entry.detail


def test_a_receipt_under_another_number_is_left_out(shop: Workshop) -> None:
    old, new = reported(shop), shop.box("box-2")
    written_to(old, "UPDATE receipts SET counter = 99 WHERE counter = (SELECT max(counter) FROM receipts)")
    assert taken_over(new, old).left_out == LeftOut(receipts=1)


def test_what_is_taken_over_says_what_its_device_signed(shop: Workshop) -> None:
    old, new = reported(shop), shop.box("box-2")
    genuine = old.service.receipts(), old.service.devices()[0].version
    written_to(
        old,
        "UPDATE receipts SET outcome = 'refused', version_after = '9.9'",
        "UPDATE devices SET counter = 500, product = 'valve'",
        "UPDATE fleet SET version = '9.9', product = 'valve', outcome = 'refused'",
    )
    taken_over(new, old)
    (device,) = new.service.devices()
    assert (new.service.receipts(), device.version) == genuine
    assert (device.product, device.counter, device.outcome) == ("pump", 1, "confirmed")


def test_a_receipt_that_was_taken_over_is_missed_when_it_is_taken_out(shop: Workshop) -> None:
    old, new = reported(shop), shop.box("box-2")
    taken_over(new, old)
    counters = [receipt.counter for receipt in new.service.receipts()]
    assert new.service.check(silent) == ()
    written_to(new, "DELETE FROM receipts", "UPDATE fleet SET reported = NULL")
    assert receipts_named(new) == [f"receipt {counter} of pump-17, epoch 1" for counter in sorted(counters)]


def receipts_named(box: Box) -> list[str]:
    """The receipts with which the checker finds something wrong."""
    return [found.place for found in box.service.check(silent) if found.place.startswith("receipt")]


def test_receipts_that_are_taken_over_again_are_entered_once(shop: Workshop) -> None:
    old, new = reported(shop), shop.box("box-2")
    taken_over(new, old)
    BoxService.restore(new.folder, old.folder.parent / "backup", SECRET, Person("chief", PIN), now=now)
    assert [entry.act for entry in new.service.ledger(3)] == ["restore", "restore", "take over"]


def test_no_rule_that_allows_is_taken_over(shop: Workshop) -> None:
    old, new = shop.box(), shop.box("box-2")
    new.service.put_rule(Entitlement(allowed=False, product="pump"), new.session)
    old.service.put_rule(Entitlement(allowed=False, product="valve"), old.session)
    old.service.put_rule(Entitlement(allowed=True, first="pump-66", last="pump-66"), old.session)
    assert taken_over(new, old).left_out == LeftOut(rules=1)
    assert [rule.text for rule in new.service.rules()] == ["deny product pump", "deny product valve"]


def test_what_is_no_rule_is_not_taken_over_and_the_checker_names_it(shop: Workshop) -> None:
    old, new = shop.box(), shop.box("box-2")
    half = RuleRow(product="", line="", hardware="", first="", last="pump-17", allowed=0)
    with old.service._machine.acting(old.session, "claim", "") as transaction:
        transaction.add(half)
    (finding,) = old.service.check(silent)
    assert (finding.place, "a range has a first and a last id" in finding.problem) == ("rules", True)
    assert taken_over(new, old).left_out == LeftOut(rules=1)
    assert (new.service.own_rules(), new.service.check(silent)) == ((), ())


@pytest.mark.parametrize("claimed", [(2**62).to_bytes(8, "big"), (2**62).to_bytes(9, "big")])
def test_no_time_is_taken_over_that_another_box_alone_claims(shop: Workshop, claimed: bytes) -> None:
    old, new, stick = shop.box(), shop.box("box-2"), shop.medium()
    with old.service._machine.acting(old.session, "claim", "") as transaction:
        transaction.merge(SettingRow(name="time-floor", value=claimed))
    taken_over(new, old)
    ask(shop.device(), stick)
    assert [one.code for one in new.service.admit(stick)] == [None]


@pytest.mark.parametrize("newer", ["old", "new"])
def test_of_a_device_that_both_boxes_know_the_newer_request_counts(shop: Workshop, newer: str) -> None:
    boxes, device = {"old": shop.box(), "new": shop.box("box-2")}, shop.device()
    sticks = [shop.medium(name) for name in ("first", "second", "third")]
    for stick in sticks:
        ask(device, stick)
    older = "new" if newer == "old" else "old"
    boxes[older].service.admit(sticks[0])
    boxes[newer].service.admit(sticks[2])
    taken_over(boxes["new"], boxes["old"])
    assert [info.counter for info in boxes["new"].service.devices()] == [3]
    assert [one.code for one in boxes["new"].service.admit(sticks[1])] == [Code.REQUEST_REPLAYED]
