"""Restoring while others work, after a cut, and what the vendor said since the backup."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.box import BoxService, Person, Restored, UserRole
from appliance.box.backup import snapshot
from appliance.box.faults import DATABASE, FaultCode
from appliance.box.ledger import Ledger
from appliance.box.machine import Machine
from appliance.box.replaced import put_database
from media_format.errors import MachineFault, Misuse
from media_format.limits import MIB
from media_format.objects import Entitlement
from media_format.progress import silent
from media_format.refusal import Code
from tests.cli.disks import disk_of, fill, make_room
from tests.workshop import PIN, Box, Workshop, ask, now

SECRET = "a long passphrase"


class Cut(BaseException):
    """The program ends here, as it does when the power goes."""


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def backed_up(box: Box) -> Path:
    file = box.folder.parent / "backup"
    box.service.backup(file, SECRET, box.session, silent)
    return file


def restored(folder: Path, file: Path) -> Restored:
    return BoxService.restore(folder, file, SECRET, Person("chief", PIN), now=now)


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let another program act after the people were read and before the database is replaced."""

    def acting(database: Path, copy: Path) -> None:
        act()
        snapshot(database, copy)

    monkeypatch.setattr("appliance.box.replaced.snapshot", acting)


def revoke(shop: Workshop, box: Box, name: str) -> None:
    for issued in shop.vendor.issued:
        if name in str(issued):
            shop.vendor.revoke(int(issued.serial, 16))
    bundle = shop.boxes[box.service.id]
    box.service.install_lists(replace(bundle, crls=tuple(shop.vendor.crls())))


def test_a_restore_is_refused_where_another_program_worked_meanwhile(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = shop.box()
    box.service.add_user("bob", UserRole.TECHNICIAN, "141421", box.session)
    file = backed_up(box)
    meanwhile(monkeypatch, lambda: box.service.remove_user("bob", box.session))
    with pytest.raises(Misuse, match="another program worked at the box meanwhile"):
        restored(box.folder, file)
    again = shop.reopened(box)
    assert [user.name for user in again.service.users()] == ["chief"]
    assert again.service.check_ledger().findings == ()


def test_a_restore_that_is_cut_off_before_the_tpm_hears_of_it_raises_no_alarm(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = shop.box()
    file = backed_up(box)
    box.service.put_rule(Entitlement(allowed=False, product="later"), box.session)

    def cut(_ledger: Ledger) -> None:
        raise Cut

    with monkeypatch.context() as patch, pytest.raises(Cut):
        patch.setattr(Ledger, "remember", cut)
        restored(box.folder, file)
    again = shop.reopened(box)
    assert again.service.rules() == ()
    assert again.service.check_ledger().findings == ()
    again.service.put_rule(Entitlement(allowed=False, product="next"), again.session)
    assert [entry.act for entry in again.service.ledger(2)] == ["deny", "restore"]


def test_a_restore_that_is_cut_off_before_the_database_is_replaced_raises_no_alarm(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = shop.box()
    file = backed_up(box)
    expect = Ledger.expect

    def cut(ledger: Ledger) -> None:
        expect(ledger)
        raise Cut

    with monkeypatch.context() as patch, pytest.raises(Cut):
        patch.setattr(Ledger, "expect", cut)
        restored(box.folder, file)
    assert shop.reopened(box).service.check_ledger().findings == ()


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


def test_a_disk_that_is_full_leaves_the_store_where_it_is(tmp_path: Path) -> None:
    backup, box = tmp_path / "backup", tmp_path / "box"
    for folder, word in ((backup, "old"), (box, "new")):
        folder.mkdir()
        _database(folder, word)
    with disk_of(box, 8 * MIB) as small:
        with pytest.raises(MachineFault, match="the disk is full") as raised:
            put_database(backup, small, lambda: fill(small))
        assert raised.value.code == FaultCode.FULL
        make_room(small)
        assert _words(small) == {"new"}
        assert list(small.glob("*.damaged")) == []


def _database(folder: Path, word: str) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as database, database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE words (word TEXT, much BLOB)")
        database.executemany("INSERT INTO words VALUES (?, ?)", [(word, bytes(4000))] * 500)


def _words(folder: Path) -> set[str]:
    with closing(sqlite3.connect(folder / DATABASE)) as database:
        return {word for (word,) in database.execute("SELECT word FROM words")}
