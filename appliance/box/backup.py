"""Backing up a box: what it knows, its certificates and, if wanted, its packages. Keys stay in the TPM."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import select

from appliance.box import backup_file, faults, scratch
from appliance.box.backup_file import Contents, Member, Source
from appliance.box.configuration import FILE
from appliance.box.faults import DATABASE
from appliance.box.identity import BUNDLE
from appliance.box.machine import Machine
from appliance.box.schema import ReleaseRow
from appliance.box.users import Session, UserRole
from media_format import cose, limits
from media_format.durable import make_private, placing
from media_format.errors import Misuse
from media_format.progress import Progress, Report

PACKAGES: Final = "packages"
_PHASE: Final = "backup"


@dataclass(frozen=True, slots=True)
class BackupMade:
    """A backup that is whole on its disk."""

    file: Path
    size: int
    files: int
    entries: int
    """Up to which entry of the ledger it reaches."""
    packages: bool


def backup(
    machine: Machine, file: Path, passphrase: str, session: Session, report: Report, *, packages: bool
) -> BackupMade:
    """As `BoxService.backup`."""
    session.require(UserRole.SUPERVISOR)
    backup_file.check_passphrase(passphrase)
    machine.own()
    if file.exists():
        raise Misuse(f"{file} is there already; name a new file")
    with machine.acting(session, "backup", f"to {file.name}{' with packages' if packages else ''}"):
        pass
    with ExitStack() as held:
        work = held.enter_context(scratch.scratch(machine.folder, scratch.BACKUP))
        snapshot(machine.folder / DATABASE, work / DATABASE)
        writing = _Writing(machine, session, work / DATABASE, report)
        sources = [*_settings(machine.folder, work), *(writing.packages(held) if packages else ())]
        return writing.write(file, passphrase, sources, packages=packages)


def snapshot(database: Path, copy: Path) -> None:
    """Copy a database as it is at one moment, whoever uses it meanwhile (sqlite.org/backup.html)."""
    make_private(copy)
    try:
        with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
            target.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.DatabaseError as error:
        raise faults.of_database(database.parent, error) from None


def _settings(folder: Path, work: Path) -> Iterator[Source]:
    yield Source(DATABASE, work / DATABASE)
    yield Source(FILE, folder / FILE)
    yield Source(BUNDLE, folder / BUNDLE)


class _Writing:
    """One backup on its way."""

    def __init__(self, machine: Machine, session: Session, database: Path, report: Report) -> None:
        self._machine = machine
        self._session = session
        self._report = report
        self._created = machine.ledger_time().time
        self._sequence, self._digest = _end(database)
        self._done = self._total = 0

    def packages(self, held: ExitStack) -> Iterator[Source]:
        """The files of every package that is offered; none goes away while `held` is open."""
        store = self._machine.store
        with store.reading() as transaction:
            offered = select(ReleaseRow.package_id).where(ReleaseRow.retired.is_(None))
            ids = list(transaction.scalars(offered))
        for package_id in ids:
            held.enter_context(store.sealed.reading(package_id))
            for name in store.sealed.files(package_id):
                place = f"{PACKAGES}/{package_id.hex()}/{name}"
                yield Source(place, self._machine.folder / place)

    def write(self, file: Path, passphrase: str, sources: list[Source], *, packages: bool) -> BackupMade:
        """The file is there as a whole, or not at all."""
        self._total = sum(source.path.stat().st_size for source in sources)
        head = self._machine.configuration.id, self._created
        try:
            with placing(file) as out:
                count = backup_file.write(out, passphrase, head, iter(sources), self._signed, self._advance)
                size = out.tell()
        except OSError as error:
            raise Misuse(f"{file} cannot be written: {error.strerror}") from None
        return BackupMade(file, size, count, self._sequence, packages)

    def _signed(self, members: tuple[Member, ...]) -> bytes:
        machine = self._machine
        contents = Contents(
            format=limits.FORMAT_VERSION,
            box=machine.configuration.id,
            created=self._created,
            sequence=self._sequence,
            digest=self._digest,
            files=members,
        )
        signer = machine.own().signer(machine.tpm, self._session.authorisation)
        return cose.sign1(Contents.CONTENT_TYPE, contents.to_bytes(), signer)

    def _advance(self, count: int) -> None:
        self._done += count
        self._report(Progress(_PHASE, self._done, self._total))


def _end(database: Path) -> tuple[int, bytes]:
    """The last entry of the ledger in a copy of the database."""
    newest = "SELECT sequence, digest FROM ledger ORDER BY sequence DESC LIMIT 1"
    with closing(sqlite3.connect(database)) as opened:
        sequence, digest = opened.execute(newest).fetchone()
    return sequence, digest
