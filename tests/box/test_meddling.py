"""A database that drops or changes what is written there: no act is done in it, and none goes unseen."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy.orm import Session as Transaction

from appliance.box import BoxService, UserRole
from appliance.box.configuration import Configuration
from appliance.box.machine import Machine
from appliance.box.store import Store
from appliance.tpm import open_tpm
from media_format.errors import MachineFault
from media_format.objects import Entitlement
from media_format.progress import silent
from tests.workshop import TPM, Box, Workshop, now

DENIED = Entitlement(allowed=False, product="pump")


def forged(box: Box, *statements: str) -> None:
    """Write the database, as somebody does who has the disk and not the TPM."""
    with closing(sqlite3.connect(box.folder / "box.db")) as database, database:
        for statement in statements:
            database.execute(statement)


def remade(box: Box, table: str, change: Callable[[str], str]) -> None:
    """Make a table anew, with the rows that it had, as another statement says."""
    with closing(sqlite3.connect(box.folder / "box.db")) as database:
        ((made,),) = database.execute("SELECT sql FROM sqlite_master WHERE name = ?", [table])
    copy = f"INSERT INTO {table} SELECT * FROM old"
    forged(box, f"ALTER TABLE {table} RENAME TO old", change(made), copy, "DROP TABLE old")


def constrained(constraint: str) -> Callable[[str], str]:
    """A further constraint at the end of a table."""

    def change(made: str) -> str:
        before, _, after = made.rpartition(")")
        return f"{before}, {constraint}){after}"

    return change


def ledger_without_a_further_act_of_anybody(box: Box) -> None:
    remade(box, "ledger", constrained("UNIQUE (who) ON CONFLICT IGNORE"))


def rules_without_a_further_denial(box: Box) -> None:
    box.service.put_rule(Entitlement(allowed=False, product="valve"), box.session)
    remade(box, "rules", constrained("UNIQUE (allowed) ON\tconflict IGNORE"))


def lists_that_stay_as_they_are(box: Box) -> None:
    forged(box, "CREATE TRIGGER old BEFORE UPDATE ON settings BEGIN SELECT RAISE(IGNORE); END")


def people_that_take_the_ledger_with_them(box: Box) -> None:
    remade(box, "ledger", constrained("FOREIGN KEY (who) REFERENCES users (name) ON DELETE CASCADE"))


MEDDLERS = (
    ledger_without_a_further_act_of_anybody,
    rules_without_a_further_denial,
    lists_that_stay_as_they_are,
    people_that_take_the_ledger_with_them,
)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Workshop(tmp_path).box()


@pytest.mark.parametrize("meddle", MEDDLERS)
def test_no_act_is_done_where_the_database_would_not_keep_what_is_written(
    box: Box, meddle: Callable[[Box], None]
) -> None:
    meddle(box)
    entries, people = box.service.ledger(), box.service.users()
    with pytest.raises(MachineFault, match="changes what is written there") as caught:
        box.service.add_user("eve", UserRole.SUPERVISOR, "998877", box.session)
    assert (caught.value.code, caught.value.advice[:17]) == ("store-damaged", "put back a backup")
    with pytest.raises(MachineFault):
        box.service.put_rule(DENIED, box.session)
    assert (box.service.ledger(), box.service.users()) == (entries, people)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("ledger", constrained("UNIQUE (who) ON CONFLICT IGNORE")),
        ("receipts", constrained("CHECK (outcome <> 'failed')")),
        ("devices", constrained("UNIQUE (request)")),
        ("users", lambda made: made.replace("name TEXT", "name TEXT COLLATE NOCASE")),
        ("settings", lambda made: made.replace("STRICT", "STRICT, WITHOUT ROWID")),
    ],
)
def test_a_table_that_is_not_as_the_box_made_it_is_named(
    box: Box, table: str, change: Callable[[str], str]
) -> None:
    assert box.service.check(silent) == ()
    remade(box, table, change)
    assert f"box.db, table {table}" in [finding.place for finding in box.service.check(silent)]


def test_an_index_that_is_not_as_the_box_made_it_is_named(box: Box) -> None:
    forged(box, "DROP INDEX fleet_waiting", "CREATE INDEX fleet_waiting ON fleet (id, epoch)")
    (finding,) = box.service.check(silent)
    assert (finding.place, finding.problem) == ("box.db, index fleet_waiting", "it is not as the box made it")


def test_a_rule_that_the_database_takes_for_another_one_is_not_said_to_be_there(box: Box) -> None:
    box.service.put_rule(DENIED, box.session)
    remade(box, "rules", lambda made: made.replace("product TEXT", "product TEXT COLLATE NOCASE"))
    entries = box.service.ledger()
    with pytest.raises(MachineFault, match="not those that were written"):
        box.service.put_rule(Entitlement(allowed=False, product="PUMP"), box.session)
    with pytest.raises(MachineFault, match="not those that were written"):
        box.service.replace_rules((DENIED, Entitlement(allowed=False, product="PUMP")), box.session)
    assert box.service.own_rules() == (DENIED,)
    assert box.service.ledger() == entries


class Interrupted(Store):
    """A store where something happens after an act was written and before the TPM hears of it."""

    def __init__(self, folder: Path, then: Callable[[], object]) -> None:
        super().__init__(folder)
        self._then: Callable[[], object] | None = then

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        with super().transaction() as transaction:
            yield transaction
        then, self._then = self._then, None
        if then is not None:
            then()


def interrupted(box: Box, then: Callable[[], object]) -> BoxService:
    tpm = open_tpm(TPM, create=False, now=now, folder=box.folder)
    return BoxService(Machine(box.folder, Configuration.load(box.folder), tpm, Interrupted(box.folder, then)))


def test_an_act_whose_entry_was_taken_out_before_the_tpm_heard_of_it_is_missed(box: Box) -> None:
    count = len(box.service.ledger())
    service = interrupted(box, lambda: forged(box, "DELETE FROM ledger WHERE act = 'deny'"))
    service.put_rule(DENIED, box.session)
    state = box.service.check_ledger()
    assert (state.place, state.problem) == (count + 1, f"the end is missing, up to entry {count + 1}")
    box.service.add_user("ann", UserRole.TECHNICIAN, "141421", box.session)
    assert [entry.act for entry in box.service.ledger(2)] == ["user add", "break"]
    assert box.service.check_ledger().unconfirmed == 0


def test_of_two_programs_the_one_that_tells_the_tpm_late_does_not_step_back(box: Box) -> None:
    service = interrupted(
        box, lambda: box.service.add_user("ann", UserRole.TECHNICIAN, "141421", box.session)
    )
    service.put_rule(DENIED, box.session)
    state = box.service.check_ledger()
    assert [entry.act for entry in box.service.ledger(2)] == ["user add", "deny"]
    assert (state.problem, state.unconfirmed) == (None, 0)
