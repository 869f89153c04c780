"""Slots: each has two banks, files or block devices, of which one runs and the other takes the update."""

from __future__ import annotations

import hashlib
import mmap
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from media_format import limits
from media_format.errors import MachineFault, Misuse
from media_format.volume.seam import ReadBack

BANK_NAMES: Final = ("A", "B")
_ALIGNMENT: Final = 4096
_WINDOW: Final = 4 * limits.MIB
"""Bytes read at once: one buffer, whatever the bank's size."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """SHA-256 over a run of a bank, and how the reads reached the storage."""

    digest: bytes
    read_back: ReadBack


@dataclass(frozen=True, slots=True)
class Bank:
    """One bank of a slot."""

    slot: str
    number: int
    path: Path

    @property
    def name(self) -> str:
        """How messages name it: `rootfs.B`."""
        return f"{self.slot}.{BANK_NAMES[self.number]}"

    def capacity(self) -> int:
        """Bytes it can hold. MachineFault when it is not there."""
        with self._open(os.O_RDONLY) as descriptor:
            return os.lseek(descriptor, 0, os.SEEK_END)

    def open(self, *, writable: bool) -> int:
        """A descriptor for its bytes, which the caller closes. MachineFault when it cannot be opened."""
        flags = os.O_RDWR if writable else os.O_RDONLY
        try:
            descriptor = os.open(self.path, flags | os.O_CLOEXEC)
        except OSError as error:
            raise MachineFault(
                f"slot bank {self.name} ({self.path}): {os.strerror(error.errno or 0)}"
            ) from None
        mode = os.fstat(descriptor).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
            os.close(descriptor)
            raise MachineFault(f"slot bank {self.name} ({self.path}): neither a file nor a block device")
        return descriptor

    def measure(self, offset: int, size: int) -> Measurement:
        """The digest of `size` bytes from `offset`, read past the page cache where the system can.

        A bank too short for the run has the digest of what is there, so it compares as different.
        MachineFault when it cannot be read.
        """
        with self._open(os.O_RDONLY) as descriptor:
            return measure(descriptor, offset, size)

    @contextmanager
    def _open(self, flags: int) -> Iterator[int]:
        descriptor = self.open(writable=flags != os.O_RDONLY)
        try:
            yield descriptor
        except OSError as error:
            raise MachineFault(
                f"slot bank {self.name} ({self.path}): {os.strerror(error.errno or 0)}"
            ) from None
        finally:
            os.close(descriptor)


class Slots:
    """All slots of a device."""

    def __init__(self, slots: Mapping[str, tuple[Path, Path]], directory: Path) -> None:
        self._banks = {
            slot: tuple(Bank(slot, number, directory / path) for number, path in enumerate(paths))
            for slot, paths in slots.items()
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The slots in the order of the configuration."""
        return tuple(self._banks)

    def bank(self, slot: str, number: int) -> Bank:
        """Bank 0 or 1 of a slot. Misuse for a slot the device does not have."""
        if slot not in self._banks:
            raise Misuse(f"the device has no slot {slot}")
        return self._banks[slot][number]

    def capacity(self, slot: str) -> int:
        """What either bank of a slot can hold."""
        return min(bank.capacity() for bank in self._banks[slot])

    def make(self, size: int) -> None:
        """Make banks that are not there as sparse files of `size` bytes."""
        for banks in self._banks.values():
            for bank in banks:
                if not bank.path.exists():
                    bank.path.parent.mkdir(parents=True, exist_ok=True)
                    with open(bank.path, "xb") as file:
                        file.truncate(size)


def measure(descriptor: int, offset: int, size: int) -> Measurement:
    """The digest of a run behind an open descriptor; see `Bank.measure`."""
    try:
        direct = os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)
    except OSError:
        return _measure_cached(descriptor, offset, size)
    try:
        return Measurement(_digest(direct, offset, size), ReadBack.DIRECT)
    except OSError:
        return _measure_cached(descriptor, offset, size)
    finally:
        os.close(direct)


def _measure_cached(descriptor: int, offset: int, size: int) -> Measurement:
    os.fdatasync(descriptor)
    try:
        os.posix_fadvise(descriptor, offset, size, os.POSIX_FADV_DONTNEED)
        read_back = ReadBack.FLUSHED
    except OSError:
        read_back = ReadBack.CACHED
    return Measurement(_digest(descriptor, offset, size), read_back)


def _digest(descriptor: int, offset: int, size: int) -> bytes:
    """Read in aligned windows of an aligned buffer, as O_DIRECT wants it (open(2), NOTES)."""
    digest = hashlib.sha256()
    end = offset + size
    with mmap.mmap(-1, _WINDOW) as buffer, memoryview(buffer) as view:
        position = offset - offset % _ALIGNMENT
        while position < end:
            wanted = min(_WINDOW, -(-(end - position) // _ALIGNMENT) * _ALIGNMENT)
            with view[:wanted] as window:
                count = os.preadv(descriptor, [window], position)
            with view[max(offset - position, 0) : min(count, end - position)] as found:
                digest.update(found)
            position += count
            if count == 0 or count % _ALIGNMENT:
                break
    return digest.digest()
