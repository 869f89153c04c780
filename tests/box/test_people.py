"""Who may use a box is held against the TPM: whoever can only write the database makes nobody anything."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from appliance.box import BoxService, User, UserRole
from appliance.tpm.lockout import ALLOWED
from media_format.refusal import Code, Refusal
from tests.box.cut_tpm import Change, cut_off
from tests.trust_world import refused
from tests.workshop import PIN, Box, Workshop, now

ANN, BOB = "141421", "161803"

Forge = Callable[[sqlite3.Connection], object]


def box_with_people(folder: Path) -> Box:
    """A box with its supervisor and the technicians ann and bob."""
    box = Workshop(folder).box()
    box.service.add_user("ann", UserRole.TECHNICIAN, ANN, box.session)
    box.service.add_user("bob", UserRole.TECHNICIAN, BOB, box.session)
    return box


def forge(box: Box, change: Forge) -> None:
    """Write the database, as somebody does who has the disk and not the TPM."""
    with closing(sqlite3.connect(box.folder / "box.db")) as database, database:
        change(database)


def rows(box: Box) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(box.folder / "box.db")) as database:
        return database.execute("SELECT name, role, sealed FROM users ORDER BY name").fetchall()


def nobody_gets_in(box: Box) -> None:
    """Whoever the person is: not even the box's own supervisor unlocks it."""
    for name, pin in (("chief", PIN), ("ann", ANN), ("bob", BOB), ("nobody", PIN)):
        with pytest.raises(Refusal, match="updatebox box restore") as found:
            BoxService.open(box.folder, now=now).unlock(name, pin)
        assert found.value.code is Code.TPM_UNAVAILABLE


def test_a_removed_person_who_is_put_back_opens_nothing(tmp_path: Path) -> None:
    box = box_with_people(tmp_path)
    before = rows(box)
    box.service.remove_user("ann", box.session)
    forge(box, lambda database: database.execute("INSERT INTO users VALUES (?, ?, ?)", before[0]))
    assert rows(box) == before
    nobody_gets_in(box)


def test_a_technician_is_no_supervisor_by_the_database_alone(tmp_path: Path) -> None:
    box = box_with_people(tmp_path)
    forge(box, lambda database: database.execute("UPDATE users SET role = 'supervisor'"))
    nobody_gets_in(box)


def test_a_person_does_not_get_in_with_another_ones_pin(tmp_path: Path) -> None:
    box = box_with_people(tmp_path)
    ann = rows(box)[0][2]
    forge(box, lambda database: database.execute("UPDATE users SET sealed = ? WHERE name = 'chief'", [ann]))
    nobody_gets_in(box)


def test_an_old_pin_that_is_put_back_opens_nothing(tmp_path: Path) -> None:
    box = box_with_people(tmp_path)
    old = rows(box)[0][2]
    box.service.reset_user("ann", "173205", box.session)
    forge(box, lambda database: database.execute("UPDATE users SET sealed = ? WHERE name = 'ann'", [old]))
    nobody_gets_in(box)


def test_a_person_whose_row_is_gone_is_missed(tmp_path: Path) -> None:
    box = box_with_people(tmp_path)
    forge(box, lambda database: database.execute("DELETE FROM users WHERE name = 'bob'"))
    nobody_gets_in(box)


def test_a_database_from_before_a_removal_that_is_copied_back_opens_nothing(tmp_path: Path) -> None:
    box = box_with_people(tmp_path)
    keep_copy(box, tmp_path / "copy.db")
    box.service.remove_user("ann", box.session)
    restore(box, tmp_path / "copy.db")
    nobody_gets_in(box)


def test_a_backup_with_the_same_people_is_as_good_as_before(tmp_path: Path) -> None:
    box = box_with_people(tmp_path)
    keep_copy(box, tmp_path / "copy.db")
    box.service.record_fault("something else happened")
    restore(box, tmp_path / "copy.db")
    assert BoxService.open(box.folder, now=now).unlock("ann", ANN).role is UserRole.TECHNICIAN


def keep_copy(box: Box, copy: Path) -> None:
    """A copy of the whole database, of what SQLite keeps beside it too."""
    with closing(sqlite3.connect(box.folder / "box.db")) as database:
        database.execute("VACUUM INTO ?", [str(copy)])


def restore(box: Box, copy: Path) -> None:
    """Put a copy in the place of the database and of what SQLite keeps beside it."""
    for path in box.folder.glob("box.db*"):
        path.unlink()
    shutil.copy(copy, box.folder / "box.db")


def test_a_forged_table_costs_nobody_an_attempt(tmp_path: Path) -> None:
    box = box_with_people(tmp_path)
    forge(box, lambda database: database.execute("UPDATE users SET role = 'supervisor'"))
    nobody_gets_in(box)
    assert box.service.status().tpm.failures == 0


def test_nobody_is_added_to_a_forged_table(tmp_path: Path) -> None:
    box = box_with_people(tmp_path)
    forge(box, lambda database: database.execute("DELETE FROM users WHERE name = 'bob'"))
    before = rows(box)
    with refused(Code.TPM_UNAVAILABLE):
        box.service.add_user("eve", UserRole.TECHNICIAN, "173205", box.session)
    assert rows(box) == before


def test_a_supervisor_frees_a_person_who_is_locked_out(tmp_path: Path) -> None:
    box = box_with_people(tmp_path)
    for _ in range(ALLOWED):
        with refused(Code.PIN_WRONG):
            box.service.unlock("ann", BOB)
    with refused(Code.TPM_LOCKED):
        box.service.unlock("ann", ANN)
    box.service.reset_user("ann", "173205", box.session)
    assert box.service.unlock("ann", "173205").user == "ann"


CHANGES: dict[str, tuple[Change, str]] = {
    "add": (lambda service, box: service.add_user("eve", UserRole.TECHNICIAN, PIN, box.session), "eve"),
    "reset": (lambda service, box: service.reset_user("ann", PIN, box.session), "ann"),
    "remove": (lambda service, box: service.remove_user("ann", box.session), "ann"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_killed_at_any_call_of_a_change_the_people_are_those_before_or_those_after(
    tmp_path: Path, change: str
) -> None:
    made = box_with_people(tmp_path / "made")
    do, name = CHANGES[change]
    outcomes = set()
    for fatal in range(1, 20):
        box = Box(tmp_path / str(fatal), made.service, made.session)
        shutil.copytree(made.folder, box.folder)
        calls = cut_off(box, do, fatal)
        service = BoxService.open(box.folder, now=now)
        assert service.unlock("chief", PIN).role is UserRole.SUPERVISOR
        assert service.check_ledger().problem is None
        outcomes.add(how_it_is(service, name))
        nobody_goes_back(box, made, tmp_path / f"{fatal}.db")
        if calls < fatal:
            break
    assert calls < fatal
    assert len(outcomes) == 2


def how_it_is(service: BoxService, name: str) -> tuple[bool, bool]:
    """Whether a person is there, and gets in with the new PIN."""
    there = User(name, UserRole.TECHNICIAN) in service.users()
    if name != "ann" or not there:
        return there, False
    try:
        service.unlock(name, PIN)
    except Refusal as refusal:
        assert refusal.code is Code.PIN_WRONG
        return True, False
    return True, True


def nobody_goes_back(box: Box, made: Box, copy: Path) -> None:
    """Once somebody looked, the other one of the two states is not accepted any more."""
    if rows(box) != rows(made):
        keep_copy(made, copy)
        restore(box, copy)
        nobody_gets_in(box)
