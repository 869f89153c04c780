"""Bringing a store of an older schema up to today's when it is opened; one of a newer schema is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.dialects.sqlite import insert

from appliance.box.faults import DATABASE, FaultCode, fault
from appliance.box.schema import VERSION, Base, VersionRow
from media_format.errors import Misuse

_STEPS: Final = Path(__file__).parent / "migrations"


def create(engine: Engine) -> None:
    """Make the tables of a new store, all or none."""
    with engine.connect() as connection:
        connection.execute(text("BEGIN IMMEDIATE"))
        Base.metadata.create_all(connection)
        connection.execute(insert(VersionRow).values(version_num=VERSION).on_conflict_do_nothing())
        connection.commit()


def bring_up_to_date(engine: Engine, folder: Path) -> bool:
    """Take the steps that lead from the store's schema to today's, all or none; returns whether there were.

    Two programs that open a store at once take them once. MachineFault(store-newer) for a store of a newer
    program, (store-damaged) where there is none.
    """
    with engine.connect() as connection:
        if version(connection, folder) == VERSION:
            return False
    with engine.connect() as connection, _without_foreign_keys(connection):
        connection.execute(text("BEGIN IMMEDIATE"))
        if version(connection, folder) == VERSION:
            return False
        _take_steps(connection, folder)
        broken = connection.execute(text("PRAGMA foreign_key_check")).first()
        if broken is not None:
            raise fault(
                folder, FaultCode.DAMAGED, f"{folder / DATABASE}: rows of {broken[0]} refer to nothing"
            )
        connection.commit()
    return True


def check(engine: Engine, folder: Path) -> None:
    """Misuse where the store has another schema than today's, for whoever may not change it."""
    with engine.connect() as connection:
        found = version(connection, folder)
    if found != VERSION:
        raise Misuse(
            f"{folder / DATABASE} was written by other software (its schema is {found or 'the first one'}, "
            f"this knows {VERSION}), and looking does not change it; updatebox box status {folder} does"
        )


def version(connection: Connection, folder: Path) -> str | None:
    """The revision of a store's schema; None for the first one, which had no number.

    MachineFault(store-damaged) for what is no store, or has two.
    """
    tables = set(connection.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'")))
    if "ledger" not in tables:
        raise fault(folder, FaultCode.DAMAGED, f"{folder / DATABASE} holds no store")
    if VersionRow.__tablename__ not in tables:
        return None
    found = connection.scalars(text(f"SELECT version_num FROM {VersionRow.__tablename__}")).all()
    if len(found) > 1:
        names = " and ".join(map(str, found))
        raise fault(folder, FaultCode.DAMAGED, f"{folder / DATABASE} says that its schema is {names}")
    return str(found[0]) if found else None


def _take_steps(connection: Connection, folder: Path) -> None:
    # Imported here: it takes longer than all the rest, and hardly any opening needs it.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_STEPS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    found = version(connection, folder)
    if found is not None and found not in known:
        raise fault(
            folder,
            FaultCode.NEWER,
            f"{folder / DATABASE} was written by newer software: its schema is {found}, this knows {VERSION}",
        )
    # Alembic's own table would not be a strict one.
    Base.metadata.tables[VersionRow.__tablename__].create(connection, checkfirst=True)
    command.upgrade(config, "head")


@contextmanager
def _without_foreign_keys(connection: Connection) -> Iterator[None]:
    """SQLite rebuilds tables that others refer to only so (sqlite.org/lang_altertable.html, section 7)."""
    connection.execute(text("PRAGMA foreign_keys=OFF"))
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text("PRAGMA foreign_keys=ON"))
