"""The box's store: a database for what is known, and sealed packages as files beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import create_engine, event, select, text
from sqlalchemy.orm import Session

from appliance.box import faults, migrating
from appliance.box.faults import DATABASE, FaultCode
from appliance.box.schema import ReleaseRow, SettingRow
from appliance.trust.bundle import Bundle
from appliance.trust.crl import RevocationLists
from media_format import cbor, layout, limits
from media_format.durable import sync_folder
from media_format.errors import MachineFault
from media_format.locking import locked
from media_format.package import PackageReader
from media_format.refusal import Refusal
from media_format.volume.directory import DirectoryVolume

_PACKAGES: Final = "packages"
_IMPORT_LOCK: Final = "import.lock"
_CRLS: Final = "crls"
_FLOOR: Final = "time-floor"


class Store:
    """The database and the package files of one box. Safe for several processes: SQLite serialises them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._engine = create_engine(f"sqlite:///{folder / DATABASE}")
        event.listen(self._engine, "connect", _prepare)

    @classmethod
    def create(cls, folder: Path) -> Store:
        """A new, empty store."""
        store = cls(folder)
        with faults.naming_system(folder):
            (folder / _PACKAGES).mkdir(mode=0o700, exist_ok=True)
            sync_folder(folder)
        with faults.naming_database(folder):
            migrating.create(store._engine)
        return store

    @classmethod
    def open(cls, folder: Path) -> Store:
        """The store in `folder`, brought up to today's schema where it is older.

        MachineFault(store-owner), (store-newer), (store-damaged), (store-read-only), (store-full).
        """
        faults.check_owner(folder)
        if not (folder / DATABASE).is_file():
            raise faults.fault(folder, FaultCode.DAMAGED, f"{folder / DATABASE} is missing")
        store = cls(folder)
        with faults.naming_database(folder):
            migrating.bring_up_to_date(store._engine, folder)
        return store

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """All or nothing. MachineFault where the database cannot be used."""
        with faults.naming_database(self._folder), Session(self._engine, expire_on_commit=False) as session:
            session.execute(text("BEGIN IMMEDIATE"))
            yield session
            session.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A look at the database."""
        with faults.naming_database(self._folder), Session(self._engine, expire_on_commit=False) as session:
            yield session

    def packages(self) -> DirectoryVolume:
        """The folder of sealed packages, each named by its id in hexadecimal; the caller closes it."""
        return DirectoryVolume(self._folder / _PACKAGES)

    @contextmanager
    def package(self, package_id: bytes) -> Iterator[PackageReader]:
        """A sealed package. MachineFault where its files are gone."""
        if not (self._folder / _PACKAGES / package_id.hex()).is_dir():
            raise MachineFault(
                f"the package {package_id.hex()} is missing from the store; import the release again"
            )
        volume = self.packages()
        try:
            yield PackageReader(volume, package_id.hex())
        finally:
            volume.close()

    def holds(self, package_id: bytes) -> bool:
        """Whether a package's files are there."""
        return (self._folder / _PACKAGES / package_id.hex() / layout.ENVELOPE).is_file()

    @contextmanager
    def importing(self) -> Iterator[None]:
        """One import at a time; what an interrupted one left of a package is removed first."""
        with locked(self._folder / _IMPORT_LOCK):
            with self.reading() as session:
                known = {package_id.hex() for package_id in session.scalars(select(ReleaseRow.package_id))}
            for left in (self._folder / _PACKAGES).iterdir():
                if left.name not in known:
                    _remove(left)
            yield

    def time_floor(self) -> int:
        """The time that has surely passed."""
        with self.reading() as session:
            row = session.get(SettingRow, _FLOOR)
            return int.from_bytes(row.value, "big") if row else 0

    def set_time_floor(self, session: Session, floor: int) -> None:
        """Remember a floor, an earlier one too: only the vendor's directive lowers it."""
        session.merge(SettingRow(name=_FLOOR, value=floor.to_bytes(8, "big")))

    def raise_time_floor(self, session: Session, floor: int) -> None:
        """Remember a later floor; an earlier one is ignored."""
        row = session.get(SettingRow, _FLOOR)
        if row is None or floor > int.from_bytes(row.value, "big"):
            session.merge(SettingRow(name=_FLOOR, value=floor.to_bytes(8, "big")))

    def lists(self, bundle: Bundle) -> RevocationLists:
        """The newest revocation lists this box has seen; `bundle` holds its anchor and the issuing CAs."""
        with self.reading() as session:
            return RevocationLists(bundle.anchor, _lists(session), bundle.certificates)

    def keep_lists(self, session: Session, bundle: Bundle, lists: RevocationLists) -> None:
        """Remember what is new in `lists`; another process may have learnt of others meanwhile."""
        known = _lists(session)
        newest = RevocationLists(bundle.anchor, (*known, *lists.ders)).ders
        if newest != known:
            session.merge(SettingRow(name=_CRLS, value=cbor.encode(list(newest))))


def _remove(left: Path) -> None:
    if left.is_dir() and not left.is_symlink():
        shutil.rmtree(left)
    else:
        left.unlink()


def _lists(session: Session) -> tuple[bytes, ...]:
    row = session.get(SettingRow, _CRLS)
    try:
        ders = [] if row is None else cbor.decode(row.value, 64 * limits.MAX_CRL, "revocation lists")
    except Refusal:
        ders = None
    if not isinstance(ders, list):
        raise MachineFault("the revocation lists in the store are damaged")
    return tuple(der for der in ders if isinstance(der, bytes))


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
