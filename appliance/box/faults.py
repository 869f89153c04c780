"""What can be wrong with a box's store: each fault has a code, and says what to do next."""

from __future__ import annotations

import errno
import os
import pwd
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DatabaseError

from media_format.errors import MachineFault
from media_format.refusal import Code, Refusal

DATABASE: Final = "box.db"
_LITTLE: Final = 1024 * 1024
"""Bytes free at which a disk counts as full when SQLite cannot say what its trouble is."""


class FaultCode(StrEnum):
    """The stable codes. docs/operations.md says what to do about each."""

    FULL = "store-full"
    QUOTA = "store-quota"
    READ_ONLY = "store-read-only"
    DAMAGED = "store-damaged"
    BUSY = "store-busy"
    OWNER = "store-owner"
    MIXED = "store-mixed"
    NEWER = "store-newer"
    PACKAGE_MISSING = "package-missing"
    PACKAGE_DAMAGED = "package-damaged"


_CODES: Final = {
    sqlite3.SQLITE_FULL: FaultCode.FULL,
    sqlite3.SQLITE_READONLY: FaultCode.READ_ONLY,
    sqlite3.SQLITE_PERM: FaultCode.READ_ONLY,
    sqlite3.SQLITE_CORRUPT: FaultCode.DAMAGED,
    sqlite3.SQLITE_NOTADB: FaultCode.DAMAGED,
    sqlite3.SQLITE_BUSY: FaultCode.BUSY,
    sqlite3.SQLITE_LOCKED: FaultCode.BUSY,
}
_STATES: Final = {
    FaultCode.FULL: "cannot be written: the disk is full",
    FaultCode.READ_ONLY: "cannot be written: the disk or the directory is read-only",
    FaultCode.DAMAGED: "cannot be read as a database, or the disk fails",
    FaultCode.BUSY: "is in use by another program",
}
_SYSTEM: Final = {
    errno.ENOSPC: FaultCode.FULL,
    errno.EDQUOT: FaultCode.FULL,
    errno.EROFS: FaultCode.READ_ONLY,
    errno.EACCES: FaultCode.READ_ONLY,
    errno.EPERM: FaultCode.READ_ONLY,
}
_MEDIUM: Final = {
    Code.MEDIUM_FULL: FaultCode.FULL,
    Code.MEDIUM_WRITE_PROTECTED: FaultCode.READ_ONLY,
}


def fault(folder: Path, code: FaultCode, detail: str) -> MachineFault:
    """A fault of the store in `folder`."""
    advice = {
        FaultCode.FULL: f"make room on the disk of {folder}, or retire releases"
        f" (updatebox box retire {folder}), then do it again; nothing is lost",
        FaultCode.QUOTA: "see which releases are there (updatebox box releases), retire those that nobody"
        f" needs (updatebox box retire {folder} --release ID), or raise quota in box.toml",
        FaultCode.READ_ONLY: f"mount the disk of {folder} for writing, and let its owner write there, then do"
        " it again; nothing is lost",
        FaultCode.DAMAGED: "put back a backup (updatebox box restore), or make the box anew"
        " (updatebox box init)",
        FaultCode.BUSY: "another program has used the store for half a minute; wait for it, or end it",
        FaultCode.OWNER: "run the command as that user, or give the whole directory to the user who runs it"
        " (chown -R)",
        FaultCode.MIXED: f"put back the {DATABASE} that belongs to this box, or a backup"
        " (updatebox box restore)",
        FaultCode.NEWER: "update the software of this box",
        FaultCode.PACKAGE_MISSING: "import the release again",
        FaultCode.PACKAGE_DAMAGED: "import the release again",
    }[code]
    return MachineFault(detail, code=code, advice=advice)


def of_database(folder: Path, error: BaseException) -> MachineFault:
    """What SQLite says, as a fault. Where it cannot tell (input, output, opening), the disk is asked."""
    number = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    code = _CODES.get(number) or _of_disk(folder)
    return fault(folder, code, f"{folder / DATABASE} {_STATES[code]} ({error})")


def of_system(folder: Path, error: OSError) -> MachineFault:
    """What the system says about a file of the store, as a fault."""
    code = _SYSTEM.get(error.errno or 0, FaultCode.DAMAGED)
    return fault(folder, code, f"{error.filename or folder}: {os.strerror(error.errno or 0)}")


def of_package_files(folder: Path, refusal: Refusal) -> MachineFault:
    """What the volume of packages says of the box's own disk, as a fault."""
    return fault(folder, _MEDIUM.get(refusal.code, FaultCode.PACKAGE_DAMAGED), refusal.detail)


@contextmanager
def naming_database(folder: Path) -> Iterator[None]:
    """Name what the database has."""
    try:
        yield
    except DatabaseError as error:
        raise of_database(folder, error.orig or error) from None
    except sqlite3.Error as error:
        raise of_database(folder, error) from None


@contextmanager
def naming_system(folder: Path) -> Iterator[None]:
    """Name what the system has against a file of the store."""
    try:
        yield
    except OSError as error:
        raise of_system(folder, error) from None


def check_owner(folder: Path) -> None:
    """The user who runs this must be the one to whom the store belongs, or neither can use it afterwards.

    MachineFault(store-owner).
    """
    for path in (folder, folder / DATABASE):
        try:
            owner = path.stat().st_uid
        except FileNotFoundError:
            continue
        except OSError as error:
            raise fault(folder, FaultCode.OWNER, f"{path}: {os.strerror(error.errno or 0)}") from None
        if owner != os.geteuid():
            raise fault(
                folder,
                FaultCode.OWNER,
                f"{path} belongs to the user {_name(owner)}, and {_name(os.geteuid())} runs this",
            )


def check_writable(folder: Path) -> None:
    """Whether the box may write, which reading its database takes too. MachineFault(store-read-only)."""
    if folder.is_dir() and _is_read_only(folder):
        raise fault(folder, FaultCode.READ_ONLY, f"{folder}: the disk or the directory is read-only")


def _is_read_only(folder: Path) -> bool:
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY) or not os.access(folder, os.W_OK)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _of_disk(folder: Path) -> FaultCode:
    try:
        if _is_read_only(folder):
            return FaultCode.READ_ONLY
        disk = os.statvfs(folder)
    except OSError:
        return FaultCode.DAMAGED
    return FaultCode.FULL if disk.f_bavail * disk.f_frsize < _LITTLE else FaultCode.DAMAGED
