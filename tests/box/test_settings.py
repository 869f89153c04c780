"""What a box goes by is held against the TPM: who can only write the database makes it forget nothing."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.box import BoxService, Person
from media_format.objects import Entitlement
from media_format.progress import silent
from media_format.refusal import Code
from tests.box.cut_tpm import Change, cut_off
from tests.trust_world import refused
from tests.workshop import PASSPHRASE, PIN, PRODUCT, Box, Workshop, ask, now

DENIED = Entitlement(allowed=False, first="pump-17", last="pump-17")
ALLOWED = Entitlement(allowed=True, product=PRODUCT)


def ruled(folder: Path) -> tuple[Workshop, Box]:
    """A box that denies a device which has asked, and has a release for it."""
    shop = Workshop(folder)
    box = shop.box()
    box.take(shop.release("1.0"))
    ask(shop.device(), shop.medium())
    box.service.admit(shop.medium())
    box.service.put_rule(DENIED, box.session)
    return shop, box


def forge(box: Box, statement: str) -> None:
    """Write the database, as somebody does who has the disk and not the TPM."""
    with closing(sqlite3.connect(box.folder / "box.db")) as database, database:
        assert database.execute(statement).rowcount


FORGERIES = {
    "a rule is gone": "DELETE FROM rules",
    "a rule is another one": "UPDATE rules SET allowed = 1",
    "half a range fits every device": "INSERT INTO rules VALUES ('', '', '', '', 'pump-17', 1)",
    "a rule is new": "INSERT INTO rules VALUES ('pump', '', '', '', '', 1)",
    "the revocation lists are gone": "DELETE FROM settings WHERE name = 'crls'",
    "the time floor is gone": "DELETE FROM settings WHERE name = 'time-floor'",
    "the vendor has a list": "INSERT INTO settings VALUES ('entitlements', x'00')",
    "no directive was followed": "INSERT INTO settings VALUES ('directive', x'ff')",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_box_whose_settings_were_changed_past_it_does_nothing_for_anybody(
    tmp_path: Path, forgery: str
) -> None:
    shop, box = ruled(tmp_path)
    forge(box, FORGERIES[forgery])
    with refused(Code.TPM_UNAVAILABLE):
        box.service.write(shop.medium(), ("pump-17",), box.session, silent)
    with refused(Code.TPM_UNAVAILABLE):
        box.service.admit(shop.medium())
    with refused(Code.TPM_UNAVAILABLE):
        box.service.put_rule(ALLOWED, box.session)


@pytest.mark.parametrize("forgery", FORGERIES)
def test_the_checker_finds_settings_that_were_changed(tmp_path: Path, forgery: str) -> None:
    _, box = ruled(tmp_path)
    assert not box.service.check(silent)
    forge(box, FORGERIES[forgery])
    (finding,) = [found for found in box.service.check(silent) if found.place == "settings"]
    assert finding.wrong
    assert "box restore" in finding.problem


def test_the_checker_finds_a_rule_that_is_no_text(tmp_path: Path) -> None:
    _, box = ruled(tmp_path)
    forge(box, "UPDATE rules SET first = CAST(x'ff' AS TEXT)")
    assert "box.db" in [found.place for found in box.service.check(silent) if found.wrong]


def test_a_database_from_before_a_rule_that_is_copied_back_lets_nobody_get_round_it(tmp_path: Path) -> None:
    shop, box = ruled(tmp_path)
    before = tmp_path / "copy.db"
    with closing(sqlite3.connect(box.folder / "box.db")) as database:
        database.execute("VACUUM INTO ?", [str(before)])
    box.service.put_rule(ALLOWED, box.session)
    for path in box.folder.glob("box.db*"):
        path.unlink()
    shutil.copy(before, box.folder / "box.db")
    service = BoxService.open(box.folder, now=now)
    with refused(Code.TPM_UNAVAILABLE):
        service.admit(shop.medium())


def test_a_backup_puts_right_what_was_changed(tmp_path: Path) -> None:
    shop, box = ruled(tmp_path)
    file = tmp_path / "backup"
    box.service.backup(file, PASSPHRASE, box.session, silent)
    forge(box, FORGERIES["a rule is another one"])
    BoxService.restore(box.folder, file, PASSPHRASE, Person("chief", PIN), now=now)
    restored = BoxService.open(box.folder, now=now)
    assert restored.own_rules() == (DENIED,)
    assert not restored.check(silent)
    with refused(Code.DEVICE_NOT_ENTITLED):
        restored.write(shop.medium(), ("pump-17",), restored.unlock("chief", PIN), silent)


def test_what_a_forged_store_says_of_the_vendor_does_not_outlive_a_restore(tmp_path: Path) -> None:
    _, box = ruled(tmp_path)
    file = tmp_path / "backup"
    box.service.backup(file, PASSPHRASE, box.session, silent)
    forge(box, "UPDATE settings SET value = x'7fffffffffffffff' WHERE name = 'time-floor'")
    BoxService.restore(box.folder, file, PASSPHRASE, Person("chief", PIN), now=now)
    assert BoxService.open(box.folder, now=now).status().time is not None


def test_a_time_floor_that_is_no_number_is_said_where_the_time_is_asked_for(tmp_path: Path) -> None:
    _, box = ruled(tmp_path)
    forge(box, "UPDATE settings SET value = x'010000000000000000' WHERE name = 'time-floor'")
    status = box.service.status()
    assert status.time is None
    assert "time-floor in box.db is no number" in str(status.time_problem)


def allow(service: BoxService, box: Box) -> None:
    service.put_rule(ALLOWED, box.session)


CHANGES: dict[str, Change] = {
    "a rule": allow,
    "all rules": lambda service, box: service.replace_rules((ALLOWED,), box.session),
}


@pytest.mark.parametrize("change", CHANGES)
def test_killed_at_any_call_of_a_change_the_rules_are_those_before_or_those_after(
    tmp_path: Path, change: str
) -> None:
    shop, made = ruled(tmp_path / "made")
    outcomes, fatal, calls = set(), 0, 0
    while calls >= fatal:
        fatal += 1
        box = Box(tmp_path / str(fatal), made.service, made.session)
        shutil.copytree(made.folder, box.folder)
        calls = cut_off(box, CHANGES[change], fatal)
        service = BoxService.open(box.folder, now=now)
        service.admit(shop.medium())
        assert not service.check(silent)
        outcomes.add(service.own_rules())
    assert len(outcomes) == 2
