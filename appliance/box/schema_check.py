"""Checking the shape of the store: tables and indexes that the box made, nothing that acts on its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session as Transaction

from appliance.box.schema import Base

_MADE: Final = text(
    "SELECT type, name, tbl_name FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)


def check_schema(transaction: Transaction) -> Iterator[tuple[str, str]]:
    """Everything that is there and was not made by the box, or is missing: its name, and what is wrong.

    A trigger or a view changes, unseen, what the box writes or reads.
    """
    tables = Base.metadata.tables
    wanted = {("table", name) for name in tables}
    wanted |= {("index", str(index.name)) for table in tables.values() for index in table.indexes}
    found = {(kind, name): on for kind, name, on in transaction.execute(_MADE)}
    for kind, name in sorted(wanted - found.keys()):
        yield f"{kind} {name}", "it is missing"
    for kind, name in sorted(found.keys() - wanted):
        on = found[kind, name]
        yield f"{kind} {name}", f"the box did not make it{f'; it is on {on}' if on != name else ''}"
    for name, table in sorted(tables.items()):
        if ("table", name) in found:
            columns = set(
                transaction.scalars(text("SELECT name FROM pragma_table_info(:table)"), {"table": name})
            )
            if columns != set(table.columns.keys()):
                yield f"table {name}", "its columns are not those that the box made"
