"""The storage seam: every durable write a device makes goes through one of these four calls.

Fault tests put a storage in their place that stops at the n-th call, tears it, or loses what was not synced.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol

from media_format.durable import remove_file, replace_file, sync_folder
from media_format.errors import MachineFault
from media_format.volume.seam import Data


class Storage(Protocol):
    """How a device writes to its own slots and state directory. OSError where the machine fails."""

    def write(self, descriptor: int, data: Data, offset: int) -> None:
        """Write all of `data` at `offset`; durable only after `sync`."""
        ...

    def sync(self, descriptor: int) -> None:
        """Return when all that was written is durable."""
        ...

    def replace(self, path: Path, data: bytes) -> None:
        """Make `data` the content of `path`, durably, all or nothing."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a file durably; nothing happens where there is none."""
        ...


class DiskStorage:
    """The machine's own disks."""

    def write(self, descriptor: int, data: Data, offset: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(descriptor, view, offset)
            view = view[written:]
            offset += written

    def sync(self, descriptor: int) -> None:
        os.fdatasync(descriptor)

    def replace(self, path: Path, data: bytes) -> None:
        replace_file(path, data)

    def remove(self, path: Path) -> None:
        if path.exists():
            remove_file(path)


def make_folder(path: Path) -> None:
    """A folder of the state directory that outlasts a power cut; nothing happens where it is there."""
    if not path.is_dir():
        path.mkdir()
        sync_folder(path.parent)


def read_state(path: Path) -> bytes | None:
    """The content of a state file, None where there is none. MachineFault when it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MachineFault(f"{path}: {os.strerror(error.errno or 0)}") from None
