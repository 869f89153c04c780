"""While a PIN is stretched no other program waits, and what that one does meanwhile counts."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from appliance.box import UserRole
from media_format.refusal import Code
from tests.box import slow_unlock
from tests.workshop import Box, Workshop

ANN = "141421"
PATIENCE = 60.0


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """A box that the technician ann may use."""
    made = Workshop(tmp_path).box()
    made.service.add_user("ann", UserRole.TECHNICIAN, ANN, made.session)
    return made


def unlocked_during(box: Box, meanwhile: Callable[[], object]) -> str:
    """What another program says that unlocks the box as ann, where this one does something meanwhile."""
    with subprocess.Popen(
        [sys.executable, slow_unlock.__file__, box.folder, "ann", ANN],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        try:
            assert other.stdout.readline().strip() == slow_unlock.STRETCHING
            meanwhile()
            said, _ = other.communicate("\n", timeout=PATIENCE)
        finally:
            other.kill()
    return said.strip()


def test_another_program_writes_to_the_box_while_a_pin_is_stretched(box: Box) -> None:
    def write_at_once() -> None:
        with closing(sqlite3.connect(box.folder / "box.db", timeout=0)) as database:
            database.execute("BEGIN IMMEDIATE")

    assert unlocked_during(box, write_at_once) == "ann"


def test_an_act_ends_while_a_pin_is_stretched(box: Box) -> None:
    assert unlocked_during(box, lambda: box.service.record_fault("something else happened")) == "ann"
    assert box.service.ledger()[0].detail == "something else happened"


def test_a_person_who_is_removed_while_the_pin_is_stretched_is_not_let_in(box: Box) -> None:
    meanwhile = unlocked_during(box, lambda: box.service.remove_user("ann", box.session))
    assert meanwhile == Code.PIN_WRONG


def test_a_pin_that_is_replaced_while_it_is_stretched_opens_nothing(box: Box) -> None:
    meanwhile = unlocked_during(box, lambda: box.service.reset_user("ann", "173205", box.session))
    assert meanwhile == Code.PIN_WRONG


def test_changes_of_other_people_meanwhile_keep_nobody_out(box: Box) -> None:
    def change() -> None:
        box.service.add_user("bob", UserRole.TECHNICIAN, "161803", box.session)
        box.service.remove_user("bob", box.session)

    assert unlocked_during(box, change) == "ann"
