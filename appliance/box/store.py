"""The box's store: a database for what is known, and sealed packages as files beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from appliance.box.schema import Base, SettingRow
from appliance.trust.crl import RevocationLists
from media_format import cbor, limits
from media_format.errors import MachineFault
from media_format.objects import TrustAnchor
from media_format.package import PackageReader
from media_format.volume.directory import DirectoryVolume

_DATABASE: Final = "box.db"
_PACKAGES: Final = "packages"
_CRLS: Final = "crls"
_FLOOR: Final = "time-floor"


class Store:
    """The database and the package files of one box. Safe for several processes: SQLite serialises them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._engine = create_engine(f"sqlite:///{folder / _DATABASE}")
        event.listen(self._engine, "connect", _prepare)

    @classmethod
    def create(cls, folder: Path) -> Store:
        """A new, empty store."""
        store = cls(folder)
        (folder / _PACKAGES).mkdir(mode=0o700, exist_ok=True)
        with _naming_errors(folder):
            Base.metadata.create_all(store._engine)
        return store

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """All or nothing. MachineFault where the database cannot be used."""
        with _naming_errors(self._folder), Session(self._engine, expire_on_commit=False) as session:
            session.execute(text("BEGIN IMMEDIATE"))
            yield session
            session.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A look at the database."""
        with _naming_errors(self._folder), Session(self._engine, expire_on_commit=False) as session:
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

    def time_floor(self) -> int:
        """The time that has surely passed."""
        with self.reading() as session:
            row = session.get(SettingRow, _FLOOR)
            return int.from_bytes(row.value, "big") if row else 0

    def raise_time_floor(self, session: Session, floor: int) -> None:
        """Remember a later floor; an earlier one is ignored."""
        row = session.get(SettingRow, _FLOOR)
        if row is None or floor > int.from_bytes(row.value, "big"):
            session.merge(SettingRow(name=_FLOOR, value=floor.to_bytes(8, "big")))

    def lists(self, anchor: TrustAnchor) -> RevocationLists:
        """The newest revocation lists this box has seen."""
        with self.reading() as session:
            row = session.get(SettingRow, _CRLS)
        if row is None:
            return RevocationLists(anchor, ())
        ders = cbor.decode(row.value, 64 * limits.MAX_CRL, "stored revocation lists")
        assert isinstance(ders, list)
        return RevocationLists(anchor, tuple(der for der in ders if isinstance(der, bytes)))

    def keep_lists(self, session: Session, lists: RevocationLists) -> None:
        """Remember revocation lists."""
        session.merge(SettingRow(name=_CRLS, value=cbor.encode(list(lists.ders))))


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


@contextmanager
def _naming_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise MachineFault(f"{folder / _DATABASE}: the store cannot be used ({error.orig})") from None
