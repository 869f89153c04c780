"""Files that a power cut leaves either as they were or as they became."""

from __future__ import annotations

import fcntl
import glob
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

_RANDOM: Final = 8
"""Hexadecimal digits in the name of a file that is on its way."""


def replace_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Make `path` hold `data`, as `replacing` does."""
    with replacing(path, mode) as file:
        file.write(data)


@contextmanager
def replacing(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """A file to write to: it takes the place of `path` when all of it was written and is durable.

    Where that fails `path` stays as it was, and nothing is left beside it. For a folder in which nobody else
    writes: what a cut left there goes with the next writing of the same file.
    """
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    with _becoming(path, temporary, mode) as file:
        yield file


@contextmanager
def placing(path: Path, mode: int = 0o600) -> Iterator[BinaryIO]:
    """As `replacing`, in a folder in which anybody may write: a person's, or a medium.

    Its name until then is one that nobody can foresee. What killed programs left of the same file is removed
    first, and nothing else is: not what a program works on, which holds it by a lock.
    """
    for left in path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * _RANDOM}.new"):
        if _is_abandoned(left):
            left.unlink(missing_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(_RANDOM // 2)}.new")
    with _becoming(path, temporary, mode) as file:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield file


@contextmanager
def _becoming(path: Path, temporary: Path, mode: int) -> Iterator[BinaryIO]:
    # A file or link that somebody put there in the meantime is neither written to nor followed.
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(fd, "wb") as file:
            yield file
            file.flush()
            os.fsync(fd)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _is_abandoned(path: Path) -> bool:
    """Whether a file belongs to no program that still runs."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return stat.S_ISREG(os.fstat(fd).st_mode)
    except OSError:
        return False
    finally:
        os.close(fd)


def make_private(path: Path) -> None:
    """Make an empty file for its owner alone where there is none: a library would let others read it."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(fd, 0o600)
    finally:
        os.close(fd)


def remove_file(path: Path) -> None:
    """Remove `path` durably; it need not be there."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
