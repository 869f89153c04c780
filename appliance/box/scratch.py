"""Scratch folders: what a backup or restore works on, gone when it ends.

Whoever works on one holds it by a lock, which the system frees when the program dies: what nobody holds was
left by a program that was killed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

BACKUP: Final = ".backup-"
RESTORE: Final = ".restore-"
"""With what the names of such folders begin."""


@contextmanager
def scratch(folder: Path, prefix: str) -> Iterator[Path]:
    """A new folder in `folder` for one piece of work. What was left there before is removed first."""
    with ExitStack() as held:
        with _held(folder):
            _remove(folder)
            work = Path(held.enter_context(tempfile.TemporaryDirectory(dir=folder, prefix=prefix)))
            held.enter_context(_held(work))
        yield work


def clear(folder: Path) -> None:
    """Remove the scratch folders in which nobody works any more."""
    with _held(folder):
        _remove(folder)


def abandoned(folder: Path) -> tuple[str, ...]:
    """The scratch folders in which nobody works any more, by name."""
    found = (path for prefix in (BACKUP, RESTORE) for path in folder.glob(f"{prefix}*"))
    return tuple(sorted(path.name for path in found if _is_free(path)))


def _remove(folder: Path) -> None:
    for name in abandoned(folder):
        shutil.rmtree(folder / name, ignore_errors=True)


def _is_free(path: Path) -> bool:
    try:
        with _held(path, fcntl.LOCK_EX | fcntl.LOCK_NB):
            return True
    except OSError:
        return False


@contextmanager
def _held(path: Path, operation: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold the lock that a folder is."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, operation)
        yield
    finally:
        os.close(fd)
