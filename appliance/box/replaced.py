"""The store that a restore replaces: what of it stays, and that nobody works in it meanwhile."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session as Transaction

from appliance.box import ledger_head, users
from appliance.box.backup import snapshot
from appliance.box.faults import DATABASE, FaultCode, of_database
from appliance.box.ledger_head import LedgerHead
from appliance.box.remembered import Remembered
from appliance.box.schema import UserRow
from appliance.box.settings import SETTINGS
from appliance.box.store import Store
from appliance.box.told import Told
from appliance.tpm import Tpm
from appliance.trust.bundle import Bundle
from media_format.durable import sync_folder
from media_format.errors import MachineFault, Misuse
from media_format.refusal import Refusal

T = TypeVar("T")

_DAMAGED: Final = ".damaged"
_PASSING: Final = (FaultCode.BUSY, FaultCode.FULL, FaultCode.READ_ONLY)
"""Faults behind which there may be a store that is whole."""
_WAIT: Final = 30
"""Seconds for which another program's transaction is waited for."""


class Replaced:
    """A box's store before it is replaced: what of it can be read, and is what the TPM remembers."""

    def __init__(self, watch: sqlite3.Connection | None) -> None:
        self.people: list[dict[str, object]] = []
        """The people whom the TPM remembers, none where they are not in this store."""
        self.told: Told | None = None
        """What the vendor told the box; None where the TPM remembers that otherwise."""
        self.lists: tuple[bytes, ...] = ()
        """The revocation lists, which their issuers have signed, whatever the TPM remembers."""
        self.goes_on: bool | None = None
        """Whether its ledger goes on from that of the backup; None where it cannot be read."""
        self._watch = watch
        self._version = _version(watch)

    def close(self) -> None:
        """Watch it no longer."""
        if self._watch is not None:
            self._watch.close()

    def check_unchanged(self) -> None:
        """Whether nobody has written to it since it was looked at. Misuse."""
        if _version(self._watch) != self._version:
            raise Misuse(
                "another program worked at the box meanwhile, and nothing was changed; restore again"
            )


def look(folder: Path, tpm: Tpm, bundle: Bundle, end: LedgerHead) -> Replaced:
    """The store in `folder` as it is now; people and settings are believed where the TPM remembers them.

    The TPM forgets what a cut left undecided: a change that was not made, the other end of the ledger in a
    restore before. `bundle` holds the anchor and the issuing CAs, `end` is the backup's last entry.
    MachineFault where the store is in use, or its disk full or read-only.
    """
    store = _readable(lambda: Store.open(folder))
    # Before anything is read: whatever is written from here on shows.
    found = Replaced(_watch(folder))
    if store is not None:
        _readable(lambda: _settle_ledger(store, tpm))
        found.people = _remembered(store, tpm, users.PEOPLE, _people) or []
        found.told = _remembered(store, tpm, SETTINGS, lambda _: Told.to(store, bundle))
        found.lists = _readable(lambda: store.lists(bundle).ders) or ()
        found.goes_on = _readable(lambda: _holds(store, end))
    return found


def _watch(folder: Path) -> sqlite3.Connection | None:
    """A connection that notices who writes, None where there is no database."""
    if not (folder / DATABASE).is_file():
        return None
    watch = sqlite3.connect(folder / DATABASE, timeout=_WAIT)
    try:
        _version(watch)
    except sqlite3.DatabaseError:
        watch.close()
        return None
    return watch


def _remembered(store: Store, tpm: Tpm, rows: Remembered, read: Callable[[Transaction], T]) -> T | None:
    """What is read where the TPM remembers the rows."""

    def settled() -> T | None:
        with store.transaction() as transaction:
            try:
                rows.settle(transaction, tpm)
            except Refusal:
                return None
            return read(transaction)

    return _readable(settled)


def _readable(read: Callable[[], T]) -> T | None:
    """What is read; None where it is damaged, or of newer software."""
    try:
        return read()
    except MachineFault as fault:
        if fault.code in _PASSING:
            raise
        return None


def _settle_ledger(store: Store, tpm: Tpm) -> None:
    with store.transaction() as transaction:
        ledger_head.settle(tpm, transaction)


def _holds(store: Store, end: LedgerHead) -> bool:
    with store.reading() as transaction:
        return ledger_head.is_held(transaction, end)


def _people(transaction: Transaction) -> list[dict[str, object]]:
    rows = transaction.execute(select(UserRow.name, UserRow.role, UserRow.sealed))
    return [dict(row._mapping) for row in rows]


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
