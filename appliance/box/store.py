"""The box's store: a database for what is known, and sealed packages as files beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import create_engine, event, select, text
from sqlalchemy.orm import Session

from appliance.box import faults, migrating, numbers
from appliance.box.faults import DATABASE, FaultCode
from appliance.box.package_volume import KeptFile, PackageVolume
from appliance.box.reserve import Reserve
from appliance.box.schema import PackageFileRow, SettingRow
from appliance.box.sealed import SealedPackages
from appliance.trust.bundle import Bundle
from appliance.trust.crl import RevocationLists
from media_format import cbor, limits
from media_format.durable import make_private, sync_folder
from media_format.errors import MachineFault
from media_format.locking import locked
from media_format.package import PackageReader
from media_format.refusal import Code, Refusal

_IMPORT_LOCK: Final = "import.lock"
_CRLS: Final = "crls"
_FLOOR: Final = "time-floor"
_WORKING: Final = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000")
_LOOKING: Final = ("query_only=ON", "busy_timeout=30000")
_MAY_BE_ROT: Final = frozenset(
    {
        Code.DECRYPTION_FAILED,
        Code.DIGEST_MISMATCH,
        Code.MALFORMED,
        Code.SIGNATURE_INVALID,
        Code.TOO_LARGE,
        Code.TRUNCATED,
    }
)
"""Refusals that say what a package that rotted on the box's disk would cause, and other things too."""


class Store:
    """The database and the package files of one box. Safe for several processes: SQLite serialises them."""

    def __init__(self, folder: Path, *, looking: bool = False) -> None:
        self.folder = folder
        self.sealed = SealedPackages(folder)
        self.reserve = Reserve(folder)
        self._engine = create_engine(f"sqlite:///{folder / DATABASE}")
        pragmas = _LOOKING if looking else _WORKING
        event.listen(self._engine, "connect", lambda connection, _: self._prepare(connection, pragmas))

    @classmethod
    def create(cls, folder: Path) -> Store:
        """A new, empty store."""
        store = cls(folder)
        with faults.naming_system(folder):
            store.sealed.path.mkdir(mode=0o700, exist_ok=True)
            make_private(folder / DATABASE)
            sync_folder(folder)
        with faults.naming_database(folder):
            migrating.create(store._engine)
        return store

    @classmethod
    def open(cls, folder: Path) -> Store:
        """The store in `folder`, brought up to today's schema where it is older.

        MachineFault(store-newer), (store-damaged), (store-read-only), (store-full).
        """
        _check_there(folder)
        store = cls(folder)
        with faults.naming_database(folder):
            migrating.bring_up_to_date(store._engine, folder)
        return store

    @classmethod
    def look(cls, folder: Path) -> Store:
        """The store in `folder` as it is, to be read only. Misuse for one of another schema than today's.

        MachineFault as `open` raises it.
        """
        _check_there(folder)
        store = cls(folder, looking=True)
        with faults.naming_database(folder):
            migrating.check(store._engine, folder)
        return store

    def _prepare(self, connection: Any, pragmas: tuple[str, ...]) -> None:
        """Set a new connection up. It opens the log here, where there is room for that on a full disk too."""
        connection.isolation_level = None
        with self.reserve.lent(), closing(connection.cursor()) as cursor:
            for pragma in (*pragmas, "schema_version"):
                cursor.execute(f"PRAGMA {pragma}")

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """All or nothing. MachineFault where the database cannot be used."""
        with faults.naming_database(self.folder), Session(self._engine, expire_on_commit=False) as session:
            session.execute(text("BEGIN IMMEDIATE"))
            yield session
            session.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A look at the database."""
        with faults.naming_database(self.folder), Session(self._engine, expire_on_commit=False) as session:
            yield session

    def packages(self) -> PackageVolume:
        """The folder of sealed packages, each named by its id in hexadecimal; the caller closes it."""
        return self.sealed.volume()

    @contextmanager
    def package(self, package_id: bytes) -> Iterator[PackageReader]:
        """A sealed package, which stays while this is open.

        MachineFault(package-missing) where its files are gone, and (package-damaged) where they are not as
        they were written: also where that is found out by a refusal of what was read.
        """
        files = self.kept_files(package_id)
        with self.sealed.reading(package_id):
            self.sealed.check_shape(package_id, files)
            volume = self.packages()
            try:
                yield PackageReader(volume, package_id.hex())
            except Refusal as refusal:
                for file in files if refusal.code in _MAY_BE_ROT else ():
                    self.sealed.check_bytes(package_id, file)
                raise
            finally:
                volume.close()

    def kept_files(self, package_id: bytes) -> tuple[KeptFile, ...]:
        """The files of a package as they were written; none for one imported before that was kept."""
        with self.reading() as session:
            rows = session.scalars(
                select(PackageFileRow)
                .where(PackageFileRow.package_id == package_id)
                .order_by(PackageFileRow.name)
            )
            return tuple(KeptFile(row.name, row.size, row.digest) for row in rows)

    def holds(self, package_id: bytes) -> bool:
        """Whether a package's files are there."""
        return self.sealed.holds(package_id)

    @contextmanager
    def importing(self) -> Iterator[None]:
        """One import, and one collection of garbage, at a time."""
        with ExitStack() as held:
            with faults.naming_system(self.folder):
                held.enter_context(locked(self.folder / _IMPORT_LOCK))
            yield

    def time_floor(self) -> int:
        """The time that has surely passed."""
        with self.reading() as session:
            return numbers.held(session, _FLOOR)

    def set_time_floor(self, session: Session, floor: int) -> None:
        """Remember a floor, an earlier one too: only the vendor's directive lowers it."""
        numbers.keep(session, _FLOOR, floor)

    def raise_time_floor(self, session: Session, floor: int) -> None:
        """Remember a later floor; an earlier one is ignored."""
        if floor > numbers.held(session, _FLOOR):
            numbers.keep(session, _FLOOR, floor)

    def lists(self, bundle: Bundle) -> RevocationLists:
        """The newest revocation lists this box has seen; `bundle` holds its anchor and the issuing CAs."""
        with self.reading() as session:
            return RevocationLists(bundle.anchor, _lists(session), bundle.certificates)

    def keep_lists(self, session: Session, bundle: Bundle, lists: RevocationLists) -> None:
        """Remember what is new in `lists`; another process may have learnt of others meanwhile."""
        known = _lists(session)
        newest = RevocationLists(bundle.anchor, known, bundle.certificates).joined(lists).ders
        if newest != known:
            session.merge(SettingRow(name=_CRLS, value=cbor.encode(list(newest))))


def _lists(session: Session) -> tuple[bytes, ...]:
    row = session.get(SettingRow, _CRLS)
    try:
        ders = [] if row is None else cbor.decode(row.value, 64 * limits.MAX_CRL, "revocation lists")
    except Refusal:
        ders = None
    if not isinstance(ders, list):
        raise MachineFault("the revocation lists in the store are damaged")
    return tuple(der for der in ders if isinstance(der, bytes))


def _check_there(folder: Path) -> None:
    if not (folder / DATABASE).is_file():
        raise faults.fault(folder, FaultCode.DAMAGED, f"{folder / DATABASE} is missing")
