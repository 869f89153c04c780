"""Rows that no program writes: whoever meets one is told so in a sentence, and --check finds them."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from tests.cli.workshop import Workshop, run


def changed(shop: Workshop, statement: str) -> None:
    with closing(sqlite3.connect(shop.box / "box.db")) as database, database:
        database.execute(statement)


def is_found(shop: Workshop) -> None:
    said = run("box", "status", shop.box, "--check", "--json")
    assert said.status == 1, said.err
    assert said.data["findings"]


def test_a_receipt_with_a_code_that_is_none_is_listed_as_it_is(running: Workshop) -> None:
    running.do("device", "apply", running.device, running.stick)
    running.do("box", "collect", running.box, running.stick)
    changed(running, "UPDATE receipts SET code = 'bogus'")
    found = running.do("box", "receipts", running.box)["receipts"]
    assert {(receipt["code"], receipt["advice"]) for receipt in found} == {("bogus", None)}
    is_found(running)


def test_a_role_that_is_none_is_named(enrolled: Workshop) -> None:
    changed(enrolled, "UPDATE users SET role = ''")
    said = run("box", "user", "list", enrolled.box)
    assert (said.status, said.err.startswith("machine-fault: box.db says that ")) == (1, True), said.err
    is_found(enrolled)


def test_a_ledger_without_numbers_for_further_entries_is_named(enrolled: Workshop) -> None:
    last = "(SELECT max(sequence) FROM ledger)"
    changed(enrolled, f"UPDATE ledger SET sequence = 9223372036854775807 WHERE sequence = {last}")
    enrolled.do("device", "request", enrolled.device, enrolled.stick)
    said = run("box", "admit", enrolled.box, enrolled.stick)
    assert (said.status, said.err.startswith("machine-fault: the ledger has no number")) == (1, True), (
        said.err
    )
    is_found(enrolled)
