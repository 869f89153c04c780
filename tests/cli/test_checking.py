"""`box status --check` and a database that somebody else wrote to."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.cli.workshop import Workshop, run


def changed(shop: Workshop, statement: str) -> None:
    with closing(sqlite3.connect(shop.box / "box.db")) as database, database:
        database.execute(statement)


def found(shop: Workshop) -> list[str]:
    """The places of what --check finds."""
    said = run("box", "status", shop.box, "--check", "--json")
    assert said.status in (0, 1), said.err
    return [finding["place"] for finding in said.data["findings"]]


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        (
            "CREATE TRIGGER quiet AFTER INSERT ON rules WHEN NOT NEW.allowed BEGIN DELETE FROM rules; END",
            "trigger quiet",
        ),
        ("CREATE VIEW seen AS SELECT * FROM devices", "view seen"),
        ("CREATE TABLE more (id TEXT)", "table more"),
        ("DROP TABLE fleet", "table fleet"),
        ("DROP INDEX fleet_waiting", "index fleet_waiting"),
        ("ALTER TABLE rules ADD COLUMN more TEXT", "table rules"),
    ],
)
def test_what_the_box_did_not_make_or_what_is_missing_in_its_database_is_named(
    enrolled: Workshop, statement: str, place: str
) -> None:
    assert found(enrolled) == []
    changed(enrolled, statement)
    assert f"box.db, {place}" in found(enrolled)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE devices SET hardware = 'rev-z'",
        "UPDATE devices SET counter = counter + 1",
        "UPDATE devices SET request = zeroblob(200)",
        "DELETE FROM fleet",
        "UPDATE fleet SET product = 'other'",
        "UPDATE fleet SET reported = 7",
    ],
)
def test_a_device_that_is_not_as_it_signed_its_request_is_named(enrolled: Workshop, statement: str) -> None:
    enrolled.ask()
    assert found(enrolled) == []
    changed(enrolled, statement)
    assert found(enrolled) == ["box.db, device PUMP-1, epoch 1"]
