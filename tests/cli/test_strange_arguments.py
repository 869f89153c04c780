"""What no person types: numbers that no database holds, and texts that are no UTF-8. Nothing breaks."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

import pytest

from tests.cli.state import box_state
from tests.cli.workshop import Workshop, run

HUGE = "9" * 20
BROKEN = os.fsdecode(b"pump-\xff")
NUMBERS = (
    "receipts --limit {huge}",
    "receipts --since {huge}",
    "receipts --after {huge}:1:1:pump-17",
    "receipts --after 1:-{huge}:1:pump-17",
    "ledger --limit {huge}",
    "ledger --before {huge}",
    "ledger --until {huge}",
    "devices --limit {huge}",
    "deny --product pump --pin-fd {huge}",
)
TEXTS = (
    "devices --device {broken}",
    "ledger --about {broken}",
    "receipts --device {broken}",
    "deny --product {broken} {pin}",
    "user add {broken} --role technician {pin} --new-pin-file {folder}/pin",
)


def words(shop: Workshop, line: str) -> list[str]:
    places = {"pin": f"--pin-file {shop.folder}/pin", "folder": shop.folder, "huge": HUGE, "broken": BROKEN}
    verb, *arguments = line.format(**places).split()
    named = [verb, arguments.pop(0), str(shop.box)] if verb == "user" else [verb, str(shop.box)]
    return ["box", *named, *arguments]


@pytest.mark.parametrize("line", [*NUMBERS, *TEXTS])
def test_it_is_refused_in_a_sentence(enrolled: Workshop, line: str) -> None:
    before = box_state(enrolled.box)
    said = run(*words(enrolled, line))
    assert (said.status, "Traceback" in said.err) == (2, False), said.err
    assert box_state(enrolled.box) == before


def test_a_backup_goes_into_a_file_whatever_its_name(enrolled: Workshop) -> None:
    file = enrolled.folder / BROKEN
    enrolled.do("box", "backup", enrolled.box, file, *enrolled.pin(), *enrolled.passphrase())
    assert file.stat().st_size
    (entry,) = enrolled.do("box", "ledger", enrolled.box, "--act", "backup")["entries"]
    assert entry["detail"] == "to pump-\\udcff"
    enrolled.do("box", "ledger", enrolled.box, "--verify")


def test_a_store_that_says_twice_what_its_schema_is_is_named(enrolled: Workshop) -> None:
    with closing(sqlite3.connect(enrolled.box / "box.db")) as database, database:
        database.execute("INSERT INTO alembic_version VALUES ('1')")
    said = run("box", "status", enrolled.box)
    assert (said.status, said.err.split(":")[0]) == (1, "store-damaged"), said.err
