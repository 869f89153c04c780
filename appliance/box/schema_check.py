"""Checking the shape of the store: tables and indexes as the box makes them, nothing that acts on its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session as Transaction

from appliance.box.schema import Base

_MADE: Final = text("SELECT type, name, tbl_name, sql FROM sqlite_master")
_MEDDLING: Final = re.compile(r"trigger|conflict|virtual|cascade", re.IGNORECASE)
"""The words without which nothing in a schema drops or changes what is written (sqlite.org/lang.html)."""
_BLANK: Final = re.compile(r"\s*([(),])\s*|\s+")


def check_schema(transaction: Transaction) -> Iterator[tuple[str, str]]:
    """Everything that is there and was not made by the box, or is missing: its name, and what is wrong.

    A trigger or view changes, unseen, what the box writes or reads; so does a table with other constraints.
    """
    wanted, found = _wanted(), _made(transaction)
    for place in sorted(wanted.keys() - found.keys()):
        yield _named(place), "it is missing"
    for place in sorted(found.keys() - wanted.keys()):
        on = place[2]
        yield _named(place), f"the box did not make it{f'; it is on {on}' if on != place[1] else ''}"
    for place in sorted(wanted.keys() & found.keys()):
        if wanted[place] != found[place]:
            yield _named(place), "it is not as the box made it"


def meddling(transaction: Transaction) -> str | None:
    """What in the database would drop or change what is written there; the box makes no such thing."""
    for kind, name, _, sql in transaction.execute(_MADE):
        if sql is not None and _MEDDLING.search(sql):
            return f"{kind} {name}"
    return None


def _wanted() -> dict[tuple[str, str, str], str | None]:
    """What the box makes. The steps from older schemas lead to the same."""
    engine = create_engine("sqlite://")
    try:
        with Transaction(engine) as transaction:
            Base.metadata.create_all(transaction.connection())
            return _made(transaction)
    finally:
        engine.dispose()


def _made(transaction: Transaction) -> dict[tuple[str, str, str], str | None]:
    """The statements that make what there is, without the blanks that mean nothing.

    SQLite's own indices, which constraints call for, have none.
    """
    rows = transaction.execute(_MADE)
    return {
        (str(kind), str(name), str(on)): sql and _BLANK.sub(r"\1 ", sql).strip()
        for kind, name, on, sql in rows
    }


def _named(place: tuple[str, str, str]) -> str:
    return f"{place[0]} {place[1]}"
