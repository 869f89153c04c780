"""Devices and their lines in the fleet: an edit of what a device signed shows with its name."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from appliance.box.device_check import check_devices
from appliance.box.machine import Machine
from appliance.box.schema import FleetRow
from tests.workshop import Workshop, ask, delivered, now, update


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A box with a device that reported and asked, one that reported alone, one that asked alone."""
    shop = Workshop(tmp_path_factory.mktemp("fleet"))
    box, stick = shop.box(), shop.medium()
    first, silent, asking = shop.device("pump-1"), shop.device("pump-2"), shop.device("pump-3")
    delivered(shop, box, first, "1.0", stick)
    update(first, stick)
    box.service.collect(stick)
    ask(asking, shop.medium("third"))
    box.service.admit(shop.medium("third"))
    other, second = shop.box("box-2"), shop.medium("second")
    delivered(shop, other, silent, "1.1", second)
    update(silent, second)
    box.service.collect(second)
    return box.folder


@pytest.fixture
def box(reported: Path, tmp_path: Path) -> Path:
    """A copy of it, with what it needs to undo a change."""
    shutil.copytree(reported, tmp_path / "box")
    for table in ("fleet", "devices", "receipts"):
        changed(tmp_path / "box", f"CREATE TABLE kept_{table} AS SELECT * FROM {table}")
    return tmp_path / "box"


def changed(box: Path, *statements: str) -> None:
    with closing(sqlite3.connect(box / "box.db")) as database, database:
        for statement in statements:
            database.execute(statement)


def restored(box: Path) -> None:
    for table in ("fleet", "receipts", "devices"):
        changed(box, f"DELETE FROM {table}", f"INSERT INTO {table} SELECT * FROM kept_{table}")


def found(box: Path) -> dict[str, str]:
    """What is wrong, by the device's name."""
    machine = Machine.open(box, now)
    with machine.store.reading() as transaction:
        wrong = dict(check_devices(transaction, machine.own().bundle.anchor))
    return {place.split(",")[0].removeprefix("device "): problem for place, problem in wrong.items()}


EDITS = {
    "product": "'valve'",
    "line": "'beta'",
    "hardware": "'rev-z'",
    "version": "'9.9'",
    "head": "99",
    "reported": "coalesce(reported, 0) + 1",
    "outcome": "'rolled_back'",
    "code": "'revoked'",
    "finished": "1",
    "clock": "'gpsd'",
    "collected": "5",
}
NOT_HELD = {"written", "written_version"}


def test_every_column_of_the_fleet_is_held_against_what_devices_signed_or_is_said_not_to_be() -> None:
    assert set(EDITS) | NOT_HELD | {"id", "epoch"} == {column.name for column in FleetRow.__table__.columns}


@pytest.mark.parametrize("device", ["pump-1", "pump-2", "pump-3"])
def test_an_edit_of_any_column_of_a_line_in_the_fleet_shows(box: Path, device: str) -> None:
    assert found(box) == {}
    for column, value in EDITS.items():
        changed(box, f"UPDATE fleet SET {column} = {value} WHERE id = '{device}'")
        assert list(found(box)) == [device], column
        assert column in found(box)[device]
        restored(box)
    assert found(box) == {}


def test_a_device_of_which_nothing_signed_is_left_shows(box: Path) -> None:
    changed(box, "DELETE FROM receipts", "UPDATE fleet SET reported = NULL")
    assert found(box)["pump-2"] == "there is neither a request nor a receipt of it"
