"""Restoring while others work, after a cut, on a full disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from appliance.box import BoxService, UserRole
from appliance.box.backup import snapshot
from appliance.box.configuration import Configuration
from appliance.box.faults import DATABASE, FaultCode
from appliance.box.ledger import Ledger
from appliance.box.machine import Machine
from appliance.box.replaced import put_database
from appliance.box.store import Store
from appliance.box.users import PEOPLE
from appliance.tpm import Tpm, open_tpm
from media_format.errors import MachineFault, Misuse
from media_format.limits import MIB
from media_format.objects import Entitlement
from tests.box.restores import backed_up, restored
from tests.cli.disks import disk_of, fill, make_room
from tests.workshop import TPM, Workshop, now


class Cut(BaseException):
    """The program ends here, as it does when the power goes."""


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let another program act after the people were read and before the database is replaced."""

    def acting(database: Path, copy: Path) -> None:
        act()
        snapshot(database, copy)

    monkeypatch.setattr("appliance.box.replaced.snapshot", acting)


class Hooked:
    """A TPM, and what is done after each call of one name."""

    def __init__(self, tpm: Tpm, name: str, after: Callable[..., object]) -> None:
        self._tpm, self._name, self._after = tpm, name, after

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._tpm, name)
        if name != self._name:
            return call

        def hooked(*arguments: Any) -> Any:
            result = call(*arguments)
            self._after(*arguments)
            return result

        return hooked


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


def test_a_change_of_people_that_begins_while_a_restore_stretches_the_pin_leaves_a_box_that_opens(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = shop.box()
    box.service.add_user("bob", UserRole.TECHNICIAN, "141421", box.session)
    file = backed_up(box)
    announced, committing = Event(), Event()

    def wait(name: str, value: bytes) -> None:
        if name == PEOPLE.name and not announced.is_set():
            announced.set()
            assert committing.wait(60)

    tpm = open_tpm(TPM, create=False, now=now, folder=box.folder)
    hooked = Hooked(tpm, "store", wait)
    machine = Machine(box.folder, Configuration.load(box.folder), hooked, Store(box.folder))
    other = Thread(target=BoxService(machine).remove_user, args=("bob", box.session))

    def begin(*_: object) -> None:
        other.start()
        assert announced.wait(60)

    def commit() -> None:
        committing.set()
        other.join(60)

    monkeypatch.setattr("appliance.box.restoring.open_tpm", lambda *_, **__: Hooked(tpm, "unseal", begin))
    meanwhile(monkeypatch, commit)
    with pytest.raises(Misuse, match="another program worked at the box meanwhile"):
        restored(box.folder, file)
    again = shop.reopened(box)
    assert [user.name for user in again.service.users()] == ["chief"]


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


def test_a_restore_that_is_cut_off_once_after_the_database_is_replaced_and_once_before_raises_no_alarm(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = shop.box()
    file = backed_up(box)
    box.service.put_rule(Entitlement(allowed=False, product="later"), box.session)
    expect = Ledger.expect

    def cut_after(_ledger: Ledger) -> None:
        raise Cut

    def cut_before(ledger: Ledger) -> None:
        expect(ledger)
        raise Cut

    for name, cut in (("remember", cut_after), ("expect", cut_before)):
        with monkeypatch.context() as patch, pytest.raises(Cut):
            patch.setattr(Ledger, name, cut)
            restored(box.folder, file)
        assert shop.reopened(box).service.check_ledger().findings == ()
    again = shop.reopened(box)
    again.service.put_rule(Entitlement(allowed=False, product="next"), again.session)
    assert [entry.act for entry in again.service.ledger(2)] == ["deny", "restore"]


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
