"""The sealed packages on disk, a folder each: read under a lock that keeps them from being removed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from appliance.box import faults
from appliance.box.faults import FaultCode
from appliance.box.package_volume import KeptFile, PackageVolume
from media_format import layout
from media_format.durable import sync_folder
from media_format.errors import MachineFault

_PACKAGES: Final = "packages"
_RUN: Final = 1024 * 1024

Advance = Callable[[int], None]
"""Told how many more bytes were read."""


def _nobody(_count: int) -> None:
    """An `Advance` that nobody reads."""


class SealedPackages:
    """The folder `packages` of a store. Each package's folder is named by its id in hexadecimal.

    Raises the store's faults (`appliance.box.faults`) where the disk does not do its part.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self.path = store / _PACKAGES

    def volume(self) -> PackageVolume:
        """The folder as a volume; the caller closes it."""
        return PackageVolume(self._store, self.path)

    def holds(self, package_id: bytes) -> bool:
        """Whether a package is there, as far as its envelope says, which is written last."""
        return (self.path / package_id.hex() / layout.ENVELOPE).is_file()

    def names(self) -> tuple[str, ...]:
        """What lies in the folder, by name."""
        with faults.naming_system(self._store):
            return tuple(sorted(entry.name for entry in self.path.iterdir()))

    def files(self, package_id: bytes) -> tuple[str, ...]:
        """The names in the folder of a package."""
        with faults.naming_system(self._store):
            return tuple(sorted(entry.name for entry in (self.path / package_id.hex()).iterdir()))

    def size(self, name: str) -> int:
        """Bytes of the files of a package."""
        with faults.naming_system(self._store):
            return sum(path.stat().st_size for path in (self.path / name).glob("*") if path.is_file())

    @contextmanager
    def reading(self, package_id: bytes) -> Iterator[None]:
        """Hold a package: it is not removed before this ends. MachineFault(package-missing)."""
        path = self.path / package_id.hex()
        with self._locked(path, fcntl.LOCK_SH) as held:
            if not held or not self.holds(package_id):
                raise self._missing(package_id)
            yield

    def remove(self, name: str, *, wait: bool = False) -> bool:
        """Remove what lies there under a name, durably; False where it is read and this may not `wait`."""
        path = self.path / name
        if not os.path.lexists(path):
            return True
        with faults.naming_system(self._store):
            if path.is_symlink() or not path.is_dir():
                path.unlink(missing_ok=True)
                sync_folder(self.path)
                return True
        with (
            self._locked(path, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)) as held,
            faults.naming_system(self._store),
        ):
            if not held:
                return not path.exists()
            # Without its envelope it is no package any more, wherever a cut leaves the rest.
            (path / layout.ENVELOPE).unlink(missing_ok=True)
            sync_folder(path)
            shutil.rmtree(path)
            sync_folder(self.path)
        return True

    def check_shape(self, package_id: bytes, files: Iterable[KeptFile]) -> None:
        """Whether the files that were kept are there with their sizes: a quick look.

        MachineFault(package-missing) or (package-damaged).
        """
        for file in files:
            path = self.path / package_id.hex() / file.name
            try:
                found = path.lstat()
            except FileNotFoundError:
                raise self.fault(FaultCode.PACKAGE_MISSING, f"{path} is missing") from None
            if path.parent.is_symlink() or not stat.S_ISREG(found.st_mode):
                raise self.fault(FaultCode.PACKAGE_DAMAGED, f"{path} is no file in this folder, but a link")
            if found.st_size != file.size:
                text = f"{path} has {found.st_size} bytes where {file.size} were written"
                raise self.fault(FaultCode.PACKAGE_DAMAGED, text)

    def check_bytes(self, package_id: bytes, file: KeptFile, advance: Advance = _nobody) -> None:
        """Whether every byte of a file is as it was written.

        MachineFault(package-missing) or (package-damaged).
        """
        self.check_shape(package_id, (file,))
        path = self.path / package_id.hex() / file.name
        if self._digest(path, advance) != file.digest:
            raise self.fault(FaultCode.PACKAGE_DAMAGED, f"{path} is not what was written at import")

    def is_intact(self, package_id: bytes, files: Iterable[KeptFile], advance: Advance = _nobody) -> bool:
        """Whether a package is there and every byte of `files` as it was written."""
        try:
            for file in files:
                self.check_bytes(package_id, file, advance)
        except MachineFault as found:
            if found.code not in (FaultCode.PACKAGE_MISSING, FaultCode.PACKAGE_DAMAGED):
                raise
            return False
        return self.holds(package_id)

    def fault(self, code: FaultCode, detail: str) -> MachineFault:
        """A fault of this folder."""
        return faults.fault(self._store, code, detail)

    def _digest(self, path: Path, advance: Advance) -> bytes:
        digest, buffer = hashlib.sha256(), bytearray(_RUN)
        try:
            with path.open("rb", buffering=0) as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
                while count := file.readinto(buffer):
                    digest.update(memoryview(buffer)[:count])
                    advance(count)
        except OSError as error:
            text = f"{path} cannot be read: {os.strerror(error.errno or 0)}"
            raise self.fault(FaultCode.PACKAGE_DAMAGED, text) from None
        return digest.digest()

    def _missing(self, package_id: bytes) -> MachineFault:
        return self.fault(
            FaultCode.PACKAGE_MISSING, f"the package {package_id.hex()} is missing from the store"
        )

    @contextmanager
    def _locked(self, path: Path, operation: int) -> Iterator[bool]:
        """Hold the lock that a folder is; False where it is not there (any more), or not free at once."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            yield False
            return
        except OSError as error:
            raise faults.of_system(self._store, error) from None
        try:
            try:
                fcntl.flock(fd, operation)
            except BlockingIOError:
                yield False
            else:
                yield path.exists() and os.path.samestat(os.fstat(fd), path.stat())
        finally:
            os.close(fd)
