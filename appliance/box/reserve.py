"""A piece of the disk that is kept for the day it is full, so that releases can be retired then.

Looking at a database takes room for SQLite's index of its log (sqlite.org/wal.html, section 2.3), starting a
soft TPM takes a little, and retiring takes some for the log. A file holds that room. Where the disk is full
it is given up for such an act and made again afterwards, as far as there is room. Other acts get none of it:
they would eat it up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

SIZE: Final = 512 * 1024
"""Bytes: several times what looking and retiring take."""
_NAME: Final = "reserve"
_PIECE: Final = 4096


class Reserve:
    """The reserve of the store in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / _NAME

    def keep(self) -> None:
        """Make it, or what is missing of it, unless the disk is full."""
        with suppress(OSError):
            if self._held() < SIZE and self._free() >= 2 * SIZE:
                self._make()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Where the disk is full, its room is free as long as this lasts."""
        if self._held() == 0 or self._free() >= SIZE:
            yield
            return
        self._path.unlink(missing_ok=True)
        try:
            yield
        finally:
            with suppress(OSError):
                self._make()

    def _held(self) -> int:
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return 0

    def _free(self) -> int:
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize

    def _make(self) -> None:
        size = min(SIZE, self._held() + self._free()) // _PIECE * _PIECE
        if size:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, size)
            finally:
                os.close(descriptor)
