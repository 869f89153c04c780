"""The store that a restore replaces: what of it stays, and that nobody works in it meanwhile."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import select

from appliance.box import users
from appliance.box.backup import snapshot
from appliance.box.faults import DATABASE, FaultCode, of_database
from appliance.box.schema import UserRow
from appliance.box.settings import SETTINGS
from appliance.box.store import Store
from appliance.box.told import Told
from appliance.tpm import Tpm
from appliance.trust.bundle import Bundle
from media_format.durable import sync_folder
from media_format.errors import MachineFault, Misuse
from media_format.refusal import Refusal

_DAMAGED: Final = ".damaged"
_WAIT: Final = 30
"""Seconds for which another program's transaction is waited for."""


class Replaced:
    """A box's store before it is replaced; `store` is None where it cannot be read or believed."""

    def __init__(
        self,
        store: Store | None,
        tpm: Tpm,
        people: list[dict[str, object]],
        watch: sqlite3.Connection | None,
    ) -> None:
        self.people = people
        """The people whom the TPM remembers, none where they are not in this store."""
        self._store = store
        self._tpm = tpm
        self._watch = watch
        self._version = _version(watch)

    def close(self) -> None:
        """Watch it no longer."""
        if self._watch is not None:
            self._watch.close()

    def told(self, bundle: Bundle) -> Told | None:
        """What the vendor told the box, as far as that can be read and is what the TPM remembers."""
        if self._store is None:
            return None
        try:
            with self._store.reading() as transaction:
                SETTINGS.check(transaction, self._tpm)
            return Told.to(self._store, bundle)
        except (MachineFault, Refusal):
            return None

    def check_unchanged(self) -> None:
        """Whether nobody has written to it since it was looked at. Misuse."""
        if _version(self._watch) != self._version:
            raise Misuse(
                "another program worked at the box meanwhile, and nothing was changed; restore again"
            )


def look(folder: Path, tpm: Tpm) -> Replaced:
    """The store in `folder` as it is now. It is believed where the TPM remembers its people."""
    try:
        store = Store.open(folder)
        watch = sqlite3.connect(folder / DATABASE, timeout=_WAIT)
    except (MachineFault, sqlite3.DatabaseError):
        return Replaced(None, tpm, [], None)
    # Before its people are read: whatever is written from here on shows.
    watched = Replaced(store, tpm, [], watch)
    try:
        with store.transaction() as transaction:
            users.PEOPLE.settle(transaction, tpm)
            rows = transaction.execute(select(UserRow.name, UserRow.role, UserRow.sealed))
            watched.people = [dict(row._mapping) for row in rows]
    except (MachineFault, Refusal):
        watched.close()
        return Replaced(None, tpm, [], None)
    return watched


def put_database(source: Path, target: Path, prepare: Callable[[], None]) -> None:
    """Put a database in the place of another, in one step: also where other programs have that open.

    `prepare` is called once nobody else can write to the one that goes; what it raises leaves that as it was.
    So does MachineFault for a disk that is full or read-only, or a store that is in use.
    """
    ready = source / f"ready-{DATABASE}"
    snapshot(source / DATABASE, ready)
    live = target / DATABASE
    prepared = False

    def locked(status: int, _left: int, _pages: int) -> None:
        # From the first page that is written to the last one SQLite keeps the lock (sqlite.org/backup.html).
        nonlocal prepared
        if status == sqlite3.SQLITE_OK and not prepared:
            prepare()
            prepared = True

    try:
        with closing(sqlite3.connect(ready)) as new, closing(sqlite3.connect(live, timeout=_WAIT)) as old:
            new.backup(old, pages=1, progress=locked)
    except sqlite3.DatabaseError as error:
        problem = of_database(target, error)
        if problem.code != FaultCode.DAMAGED:
            raise problem from None
        if not prepared:
            prepare()
        # What lies there is no database: it is kept for whoever wants to look at it.
        for left in (f"{DATABASE}-wal", f"{DATABASE}-shm"):
            (target / left).unlink(missing_ok=True)
        os.replace(live, target / f"{DATABASE}{_DAMAGED}")
        os.replace(ready, live)
    sync_folder(target)


def _version(watch: sqlite3.Connection | None) -> int:
    """A number that changes when another connection commits (sqlite.org/pragma.html#pragma_data_version)."""
    if watch is None:
        return 0
    (version,) = watch.execute("PRAGMA data_version").fetchone()
    return int(version)
