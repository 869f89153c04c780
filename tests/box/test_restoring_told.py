"""What the vendor has said to a box since a backup was made is not forgotten by putting that back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.box import UserRole
from appliance.box.machine import Machine
from media_format.objects import Entitlement
from media_format.refusal import Code
from tests.box.restores import backed_up, restored, revoke
from tests.workshop import Box, Workshop, ask, now

DEMOTED = "UPDATE users SET role = 'technician'"
HELD_BACK = "UPDATE settings SET value = x'7fffffffffffffff' WHERE name = 'time-floor'"
TOO_LONG = "UPDATE settings SET value = x'010000000000000000' WHERE name = 'time-floor'"
NO_LIST = "INSERT OR REPLACE INTO settings VALUES ('entitlements', x'ff')"
NUMBERED = "INSERT OR REPLACE INTO settings VALUES ('directive', x'ffffffffffffffff')"
UNREADABLE = "UPDATE settings SET value = x'ff' WHERE name = 'crls'"


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def forge(box: Box, statement: str) -> None:
    """What somebody does who can only write the database."""
    with closing(sqlite3.connect(box.folder / "box.db")) as database, database:
        assert database.execute(statement).rowcount


def test_a_device_that_was_revoked_since_the_backup_stays_revoked(shop: Workshop) -> None:
    box, stick = shop.box(), shop.medium()
    ask(shop.device("pump-9"), stick)
    file = backed_up(box)
    revoke(shop, box, "pump-9")
    restored(box.folder, file)
    assert [one.code for one in shop.reopened(box).service.admit(stick)] == [Code.REVOKED]


def test_a_box_that_takes_over_learns_of_the_revocations_that_the_former_one_knew(shop: Workshop) -> None:
    box, new, stick = shop.box(), shop.box("box-2"), shop.medium()
    ask(shop.device("pump-9"), stick)
    revoke(shop, box, "pump-9")
    restored(new.folder, backed_up(box))
    assert [one.code for one in new.service.admit(stick)] == [Code.REVOKED]


def test_the_time_that_has_passed_is_not_taken_back_by_a_restore(shop: Workshop) -> None:
    box = shop.box()
    file = backed_up(box)
    machine = Machine.open(box.folder, now)
    with machine.ledger.entry(machine.ledger_time(), "lists", "newer ones") as transaction:
        machine.store.raise_time_floor(transaction, now() + 60)
    restored(box.folder, file)
    assert machine.store.time_floor() == now() + 60


@pytest.mark.parametrize("forgery", [DEMOTED, HELD_BACK, TOO_LONG, NO_LIST, NUMBERED])
def test_a_revocation_outlives_a_restore_whatever_else_was_changed_in_the_database(
    shop: Workshop, forgery: str
) -> None:
    box, stick = shop.box(), shop.medium()
    ask(shop.device("pump-9"), stick)
    file = backed_up(box)
    revoke(shop, box, "pump-9")
    forge(box, forgery)
    assert restored(box.folder, file).told is (forgery == DEMOTED)
    assert [one.code for one in shop.reopened(box).service.admit(stick)] == [Code.REVOKED]


def test_people_outlive_a_restore_where_what_the_vendor_said_was_changed(shop: Workshop) -> None:
    box = shop.box()
    file = backed_up(box)
    box.service.add_user("bob", UserRole.TECHNICIAN, "141421", box.session)
    forge(box, HELD_BACK)
    restored(box.folder, file)
    assert [user.name for user in shop.reopened(box).service.users()] == ["bob", "chief"]


def test_who_restores_is_told_that_what_the_vendor_said_since_is_lost(shop: Workshop) -> None:
    box = shop.box()
    file = backed_up(box)
    box.service.put_rule(Entitlement(allowed=False, product="valve"), box.session)
    forge(box, UNREADABLE)
    assert restored(box.folder, file).told is False


def test_nothing_is_lost_of_what_the_vendor_said_where_the_backup_holds_it_all(shop: Workshop) -> None:
    box = shop.box()
    file = backed_up(box)
    (box.folder / "box.db").unlink()
    assert restored(box.folder, file).told is True
