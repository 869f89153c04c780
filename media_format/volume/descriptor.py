"""The project's own descriptor of a medium: bounded reads and writes, real flushes, honest read-back."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from media_format.errors import MachineFault, Misuse
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Data, ReadBack

_BLKSSZGET: Final = 0x1268
_BLKFLSBUF: Final = 0x1261
_BLKROGET: Final = 0x125E
_ALIGNMENT: Final = 4096
_BLOCK: Final = 4 * 1024 * 1024
"""What is written at once, and read at once from a medium that is read in sequence."""
_DIRECT_WRITE: Final = 1024 * 1024
"""From this size on a write goes past the page cache, which costs several times what the medium does."""
_PATIENCE: Final = 1.0
"""Seconds in which the courier of a program that was killed ends, and lets go of what it held."""

_CODES: Final = {
    errno.EROFS: Code.MEDIUM_WRITE_PROTECTED,
    errno.EBUSY: Code.MEDIUM_BUSY,
    errno.ENOSPC: Code.MEDIUM_FULL,
    **dict.fromkeys(
        (
            errno.EIO,
            errno.ENODEV,
            errno.ENXIO,
            errno.ENOMEDIUM,
            errno.EREMOTEIO,
            errno.ETIMEDOUT,
            errno.ESTALE,
        ),
        Code.MEDIUM_PULLED,
    ),
}


@contextmanager
def naming_errors(what: str) -> Iterator[None]:
    """Turn the system's errors about a medium into refusals; permissions are the machine's fault."""
    try:
        yield
    except PermissionError:
        raise MachineFault(f"{what}: no permission; run as a user who may use removable media") from None
    except OSError as error:
        code = _CODES.get(error.errno or 0, Code.MEDIUM_UNREADABLE)
        raise Refusal(code, f"{what}: {os.strerror(error.errno or 0)}") from None


def hold_alone(fd: int, name: str) -> None:
    """Keep others who ask for the same away from a file or directory while `fd` is open.

    Refusal(medium-busy) where somebody else has it. A file system without locks (flock(2)) gives none.
    """
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise Refusal(Code.MEDIUM_BUSY, f"{name}: another program is writing to it") from None
            time.sleep(_PATIENCE / 50)  # flock(2) waits without end or not at all
        except OSError:
            return
        else:
            return


def aligned_memory(size: int) -> mmap.mmap:
    """Memory that O_DIRECT accepts (open(2), NOTES): a mapping begins on a page.

    Where the kernel gives huge pages for it, reading takes half the time.
    """
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return memory


class Blocks(Protocol):
    """A run of bytes on a medium, from 0 to `size`."""

    @property
    def size(self) -> int:
        """Bytes there are."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes; Refusal(medium-unreadable) outside the run."""
        ...

    def write(self, offset: int, data: Data) -> None:
        """Write all of `data`."""
        ...

    def sync(self) -> None:
        """Return when everything written is on the medium."""
        ...

    def evict(self) -> ReadBack:
        """Sync, and let reads come from the medium until the next write."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Descriptor:
    """A FAT image file or a block device. Made from an open file descriptor, so that one can be passed.

    Large writes go past the page cache where the platform allows it; after `evict` all reads do.
    `direct` is a second descriptor of the same medium with O_DIRECT, for a process that may open none.
    """

    def __init__(self, fd: int, name: str, *, writable: bool, direct: int | None = None) -> None:
        self._fd = fd
        self._name = name
        self._writable = writable
        self._direct = direct
        self._direct_refused = False
        self._evicted = False
        self._buffer: mmap.mmap | None = None
        self._held = (0, 0)
        self._read_to = -1
        with naming_errors(name):
            mode = os.fstat(fd).st_mode
            if not stat.S_ISBLK(mode) and not stat.S_ISREG(mode):
                raise Misuse(f"{name} is neither a block device nor a file")
            self._device = stat.S_ISBLK(mode)
            self.size = os.lseek(fd, 0, os.SEEK_END)
            self.sector = self._ask(_BLKSSZGET) if self._device else 512
            self._alignment = max(_ALIGNMENT, self.sector)
            if self._device and writable and self._ask(_BLKROGET):
                raise Refusal(Code.MEDIUM_WRITE_PROTECTED, f"{name}: the device is write-protected")

    @classmethod
    def open(cls, path: Path, *, writable: bool) -> Descriptor:
        """Open a file or block device; a block device exclusively, so that nobody mounts it meanwhile.

        A file that is to be written is kept from others who would write it, too.
        """
        flags = (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC
        with naming_errors(str(path)):
            flags |= os.O_EXCL if path.is_block_device() else os.O_NOFOLLOW | os.O_NONBLOCK
            try:
                fd = os.open(path, flags)
            except PermissionError:
                if writable and path.stat().st_mode & 0o222 == 0:
                    raise Refusal(
                        Code.MEDIUM_WRITE_PROTECTED, f"{path}: the file is write-protected"
                    ) from None
                raise
        try:
            if writable and not flags & os.O_EXCL:
                hold_alone(fd, str(path))
            return cls(fd, str(path), writable=writable)
        except BaseException:
            os.close(fd)
            raise

    def handles(self) -> tuple[int, ...]:
        """The descriptors to pass to another process: the plain one, and the direct one if there is one."""
        direct = self._open_direct()
        return (self._fd,) if direct is None else (self._fd, direct)

    def read(self, offset: int, length: int) -> bytes:
        self._check(offset, length)
        with naming_errors(self._name):
            data = self._read_direct(offset, length) if self._evicted else self._read(offset, length)
        if len(data) != length:
            raise Refusal(Code.MEDIUM_UNREADABLE, f"{self._name}: ends within what should be there")
        return data

    def write(self, offset: int, data: Data) -> None:
        if not self._writable:
            raise Refusal(Code.MEDIUM_WRITE_PROTECTED, f"{self._name}: opened for reading only")
        view = memoryview(data).cast("B")
        self._check(offset, len(view))
        self._held = (0, 0)
        with naming_errors(self._name):
            try:
                if len(view) >= _DIRECT_WRITE and offset % self.sector == 0:
                    written = self._write_direct(offset, view)
                    offset, view = offset + written, view[written:]
                while view:
                    written = os.pwrite(self._fd, view, offset)
                    offset, view = offset + written, view[written:]
            except PermissionError:
                # It could be opened for writing; a device that was set read-only since answers like this.
                raise Refusal(Code.MEDIUM_WRITE_PROTECTED, f"{self._name}: became write-protected") from None

    def sync(self) -> None:
        with naming_errors(self._name):
            os.fsync(self._fd)

    def evict(self) -> ReadBack:
        self._held, self._read_to = (0, 0), -1
        self.sync()
        with naming_errors(self._name):
            if self._open_direct() is not None:
                try:
                    self._read_direct(0, min(self.size, self.sector))
                    self._evicted = True
                    return ReadBack.DIRECT
                except OSError as error:
                    if error.errno != errno.EINVAL:
                        raise
            self._evicted = False
            try:
                if self._device:
                    # Takes a right that a courier has given up; the advice alone drops the same pages.
                    with suppress(PermissionError):
                        fcntl.ioctl(self._fd, _BLKFLSBUF, 0)
                os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)
                return ReadBack.FLUSHED
            except OSError:
                return ReadBack.CACHED

    def close(self) -> None:
        """Let go of it. Closing twice is harmless."""
        for fd in (self._direct, self._fd):
            if fd is not None and fd >= 0:
                os.close(fd)
        self._direct, self._fd = None, -1
        self._evicted = False
        if self._buffer is not None:
            self._buffer.close()
            self._buffer = None

    def _ask(self, request: int) -> int:
        return int(struct.unpack("i", fcntl.ioctl(self._fd, request, bytes(4)))[0])

    def _check(self, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise Refusal(
                Code.MEDIUM_UNREADABLE, f"{self._name}: the file system reaches past the medium's end"
            )

    def _read(self, offset: int, length: int) -> bytes:
        parts = []
        while length:
            part = os.pread(self._fd, length, offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _open_direct(self) -> int | None:
        """A second descriptor with O_DIRECT; None where the file system or the sandbox refuses one."""
        if self._direct is None and not self._direct_refused:
            flags = (os.O_RDWR if self._writable else os.O_RDONLY) | os.O_DIRECT | os.O_CLOEXEC
            try:
                self._direct = os.open(f"/proc/self/fd/{self._fd}", flags)
            except OSError:
                self._direct_refused = True
        return self._direct

    def _aligned(self) -> mmap.mmap:
        if self._buffer is None:
            self._buffer = aligned_memory(_BLOCK)
        return self._buffer

    def _read_direct(self, offset: int, length: int) -> bytes:
        """O_DIRECT wants offset, length and memory aligned: what lies around is read as well, and kept."""
        parts: list[bytes] = []
        ahead = offset == self._read_to
        while length:
            if not self._held[0] <= offset < self._held[1]:
                self._hold(offset, _BLOCK if ahead else length)
            start, end = self._held
            with memoryview(self._aligned()) as whole:
                part = bytes(whole[offset - start : min(end, offset + length) - start])
            if not part:
                break
            parts.append(part)
            offset += len(part)
            length -= len(part)
        self._read_to = offset
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _hold(self, offset: int, length: int) -> None:
        """Fill the buffer from the medium; whoever reads in sequence gets a long run at once."""
        direct = self._open_direct()
        assert direct is not None
        start = offset - offset % self._alignment
        span = min(_BLOCK, -(-(offset + length - start) // self._alignment) * self._alignment)
        self._held = (0, 0)
        with memoryview(self._aligned()) as whole, whole[:span] as view:
            self._held = (start, start + os.preadv(direct, [view], start))

    def _write_direct(self, offset: int, data: memoryview) -> int:
        """Write whole sectors past the page cache; returns how many bytes, the rest is for the caller."""
        direct, done, straight = self._open_direct(), 0, True
        while direct is not None and len(data) - done >= self._alignment:
            span = min(_BLOCK, (len(data) - done) // self._alignment * self._alignment)
            part = data[done : done + span]
            try:
                if straight:
                    done += os.pwrite(direct, part, offset + done)
                else:
                    with memoryview(self._aligned()) as whole, whole[:span] as view:
                        view[:] = part
                        done += os.pwrite(direct, view, offset + done)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
                if not straight:
                    # Some file systems want larger alignment than they say: the page cache has none.
                    break
                # The caller's memory is not aligned: it goes through some that is.
                straight = False
        return done


class Window:
    """A part of a medium: one partition, seen as if it were the whole."""

    def __init__(self, blocks: Blocks, start: int, size: int) -> None:
        self._blocks = blocks
        self._start = start
        self.size = size

    def read(self, offset: int, length: int) -> bytes:
        self._check(offset, length)
        return self._blocks.read(self._start + offset, length)

    def write(self, offset: int, data: Data) -> None:
        self._check(offset, len(data))
        self._blocks.write(self._start + offset, data)

    def sync(self) -> None:
        self._blocks.sync()

    def evict(self) -> ReadBack:
        return self._blocks.evict()

    def close(self) -> None:
        self._blocks.close()

    def _check(self, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise Refusal(Code.MEDIUM_UNREADABLE, "the file system reaches past its partition's end")
