"""Receipts in the store: an edited column, a forgery, one that was taken out: each shows with its place."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from appliance.box.machine import Machine
from appliance.box.receipt_check import check_receipts
from appliance.box.schema import ReceiptRow
from tests.workshop import Workshop, delivered, now, update


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A box that has collected four receipts of a device."""
    shop = Workshop(tmp_path_factory.mktemp("receipts"))
    box, device, stick = shop.box(), shop.device(), shop.medium()
    for version in ("1.0", "1.1"):
        delivered(shop, box, device, version, stick)
        update(device, stick)
    box.service.collect(stick)
    return box.folder


@pytest.fixture
def box(reported: Path, tmp_path: Path) -> Path:
    """A copy of it, with what it needs to undo a change."""
    shutil.copytree(reported, tmp_path / "box")
    changed(tmp_path / "box", "CREATE TABLE kept AS SELECT * FROM receipts")
    return tmp_path / "box"


def changed(box: Path, *statements: str) -> None:
    database = sqlite3.connect(box / "box.db")
    with database:
        for statement in statements:
            database.execute(statement)
    database.close()


def found(box: Path) -> list[tuple[int, str]]:
    return [(finding.counter, finding.problem) for finding in check_receipts(Machine.open(box, now))]


def test_receipts_as_they_were_collected_are_right(box: Path) -> None:
    assert found(box) == []


EDITS = {
    "digest": "randomblob(32)",
    "previous": "randomblob(32)",
    "outcome": "'rolled_back'",
    "code": "'rollback'",
    "detail": "'nothing happened'",
    "version_before": "'0.9'",
    "version_after": "'9.9'",
    "finished": "1",
    "receipt": "substr(receipt, 2)",
    "gap": "1 - gap",
    "collected": "collected - 1",
}


def test_every_column_is_held_against_what_its_device_signed_or_the_ledger_says() -> None:
    own = {"device_id", "epoch", "counter"}
    assert set(EDITS) == set(ReceiptRow.__table__.columns.keys()) - own


def test_an_edit_of_any_column_of_any_receipt_shows_with_its_place(box: Path) -> None:
    for counter in range(1, 5):
        for column, value in EDITS.items():
            changed(box, f"UPDATE receipts SET {column} = {value} WHERE counter = {counter}")
            assert found(box)[0][0] == counter, (counter, column)
            changed(box, "DELETE FROM receipts", "INSERT INTO receipts SELECT * FROM kept")
    assert found(box) == []


def test_receipts_that_change_places_show(box: Path) -> None:
    moves = ((2, 90), (3, 2), (90, 3))
    changed(box, *(f"UPDATE receipts SET counter = {new} WHERE counter = {old}" for old, new in moves))
    assert {counter for counter, _ in found(box)} >= {2, 3}


def test_a_receipt_of_another_device_in_its_place_shows(box: Path) -> None:
    changed(
        box, "UPDATE receipts SET receipt = (SELECT receipt FROM kept WHERE counter = 1) WHERE counter = 4"
    )
    counter, problem = found(box)[0]
    assert (counter, "is not what its device signed" in problem) == (4, True)


def test_any_receipt_that_was_taken_out_is_missed(box: Path) -> None:
    for counter in range(1, 5):
        changed(box, f"DELETE FROM receipts WHERE counter = {counter}")
        assert (counter, True) in [(place, "is missing; it came in" in why) for place, why in found(box)]
        changed(box, "DELETE FROM receipts", "INSERT INTO receipts SELECT * FROM kept")


def test_receipts_that_were_all_taken_out_are_missed(box: Path) -> None:
    changed(box, "DELETE FROM receipts")
    assert sorted(counter for counter, _ in found(box)) == [1, 2, 3, 4]
