"""The folder of sealed packages as a volume: its errors are the store's faults, new files are digested."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.box.faults import of_package_files
from media_format.refusal import Code, Refusal
from media_format.volume.directory import DirectoryVolume
from media_format.volume.seam import Data, Entry, ReadBack, VolumeInfo

_OF_THE_DISK = frozenset(
    {
        Code.MEDIUM_FULL,
        Code.MEDIUM_WRITE_PROTECTED,
        Code.MEDIUM_UNREADABLE,
        Code.MEDIUM_BUSY,
        Code.MEDIUM_PULLED,
    }
)


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of a sealed package as it was written; `digest` is SHA-256."""

    name: str
    size: int
    digest: bytes


@dataclass(slots=True)
class _NewFile:
    path: str
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)


class PackageVolume:
    """Implements `media_format.volume.seam.Volume` for the box's own disk.

    What the disk does not do is a fault of the machine and no refusal: no medium is to blame for it.
    """

    def __init__(self, store: Path, packages: Path) -> None:
        self._store = store
        with self._naming():
            self._volume = DirectoryVolume(packages)
        self._new: dict[int, _NewFile] = {}
        self._kept: dict[str, KeptFile] = {}

    def kept(self, folder: str) -> tuple[KeptFile, ...]:
        """The files that were committed in a folder since this volume was opened."""
        return tuple(file for path, file in self._kept.items() if path.rpartition("/")[0] == folder)

    def info(self) -> VolumeInfo:
        with self._naming():
            return self._volume.info()

    def list(self, folder: str) -> tuple[Entry, ...]:
        with self._naming():
            return self._volume.list(folder)

    def read_object(self, path: str, limit: int) -> bytes:
        with self._naming():
            return self._volume.read_object(path, limit)

    def read_run(self, path: str, offset: int, length: int) -> bytes:
        with self._naming():
            return self._volume.read_run(path, offset, length)

    def begin(self, path: str, size: int) -> int:
        with self._naming():
            ticket = self._volume.begin(path, size)
        self._new[ticket] = _NewFile(path)
        return ticket

    def append(self, ticket: int, data: Data) -> None:
        with self._naming():
            self._volume.append(ticket, data)
        new = self._new[ticket]
        new.digest.update(data)
        new.size += memoryview(data).nbytes

    def commit(self, ticket: int) -> None:
        with self._naming():
            self._volume.commit(ticket)
        new = self._new.pop(ticket)
        name = new.path.rpartition("/")[2]
        self._kept[new.path] = KeptFile(name, new.size, new.digest.digest())

    def discard(self, ticket: int) -> None:
        with self._naming():
            self._volume.discard(ticket)
        self._new.pop(ticket, None)

    def delete(self, path: str) -> None:
        with self._naming():
            self._volume.delete(path)
        self._kept.pop(path, None)

    def settle(self) -> ReadBack:
        with self._naming():
            return self._volume.settle()

    def close(self) -> None:
        with self._naming():
            self._volume.close()

    @contextmanager
    def _naming(self) -> Iterator[None]:
        try:
            yield
        except Refusal as refusal:
            if refusal.code not in _OF_THE_DISK:
                raise
            raise of_package_files(self._store, refusal) from None
