"""The project's own descriptor of a medium: bounded reads and writes, real flushes, honest read-back."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final

from media_format.errors import Misuse
from media_format.refusal import Code, Refusal
from media_format.volume.direct import DirectAccess
from media_format.volume.holding import hold_alone
from media_format.volume.seam import Data, ReadBack
from media_format.volume.system_errors import naming_errors

_BLKSSZGET: Final = 0x1268
_BLKFLSBUF: Final = 0x1261
_BLKROGET: Final = 0x125E
_ALIGNMENT: Final = 4096
_DIRECT_WRITE: Final = 1024 * 1024
"""From this size on a write goes past the page cache, which costs several times what the medium does."""


class Descriptor:
    """A FAT image file or a block device. Made from an open file descriptor, so that one can be passed.

    Large writes go past the page cache where the platform allows it; after `evict` all reads do.
    `direct` is a second descriptor of the same medium with O_DIRECT, for a process that may open none.
    """

    def __init__(self, fd: int, name: str, *, writable: bool, direct: int | None = None) -> None:
        self._fd = fd
        self._name = name
        self._writable = writable
        self._evicted = False
        with naming_errors(name):
            mode = os.fstat(fd).st_mode
            if not stat.S_ISBLK(mode) and not stat.S_ISREG(mode):
                raise Misuse(f"{name} is neither a block device nor a file")
            self._device = stat.S_ISBLK(mode)
            self.size = os.lseek(fd, 0, os.SEEK_END)
            self.sector = self._ask(_BLKSSZGET) if self._device else 512
            if self._device and writable and self._ask(_BLKROGET):
                raise Refusal(Code.MEDIUM_WRITE_PROTECTED, f"{name}: the device is write-protected")
        self._direct = None if direct is None else self._past_cache(direct)
        self._direct_refused = False

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
        return (self._fd,) if direct is None else (self._fd, direct.fd)

    def read(self, offset: int, length: int) -> bytes:
        self._check(offset, length)
        with naming_errors(self._name):
            direct = self._direct if self._evicted else None
            data = direct.read(offset, length) if direct else self._read(offset, length)
        if len(data) != length:
            raise Refusal(Code.MEDIUM_UNREADABLE, f"{self._name}: ends within what should be there")
        return data

    def write(self, offset: int, data: Data) -> None:
        if not self._writable:
            raise Refusal(Code.MEDIUM_WRITE_PROTECTED, f"{self._name}: opened for reading only")
        view = memoryview(data).cast("B")
        self._check(offset, len(view))
        self._forget()
        with naming_errors(self._name):
            try:
                direct = self._open_direct() if len(view) >= _DIRECT_WRITE else None
                if direct is not None and offset % self.sector == 0:
                    written = direct.write(offset, view)
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
        self._forget()
        self.sync()
        with naming_errors(self._name):
            direct = self._open_direct()
            if direct is not None:
                try:
                    direct.read(0, min(self.size, self.sector))
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
        if self._direct is not None:
            self._direct.close()
        if self._fd >= 0:
            os.close(self._fd)
        self._direct, self._fd = None, -1
        self._evicted = False

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

    def _open_direct(self) -> DirectAccess | None:
        """The way past the page cache; None where the file system or the sandbox refuses one."""
        if self._direct is None and not self._direct_refused:
            flags = (os.O_RDWR if self._writable else os.O_RDONLY) | os.O_DIRECT | os.O_CLOEXEC
            try:
                self._direct = self._past_cache(os.open(f"/proc/self/fd/{self._fd}", flags))
            except OSError:
                self._direct_refused = True
        return self._direct

    def _past_cache(self, fd: int) -> DirectAccess:
        return DirectAccess(fd, max(_ALIGNMENT, self.sector))

    def _forget(self) -> None:
        """Give nothing out that was read before something changed."""
        if self._direct is not None:
            self._direct.forget()
