"""A volume that the system has mounted: a directory. The kernel has parsed the file system already."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from media_format.errors import Misuse
from media_format.refusal import Code, Refusal
from media_format.volume.holding import hold_alone
from media_format.volume.seam import Data, Entry, ReadBack, VolumeInfo
from media_format.volume.system_errors import naming_errors

_MAX_ENTRIES: Final = 65536
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True)
class _NewFile:
    """A file that has been begun under a temporary name beside its own."""

    parent: str
    name: str
    size: int
    fd: int
    temporary: str
    written: int = 0

    @property
    def path(self) -> str:
        """The path it was begun under."""
        return f"{self.parent}/{self.name}" if self.parent else self.name


class DirectoryVolume:
    """The directory `root`. Implements `media_format.volume.seam.Volume`.

    No symbolic link is followed below it, and only regular files are read. Names are matched as the
    system matches them. Where it is to be held `alone`, nobody else who asks for that has it meanwhile:
    Refusal(medium-busy).
    """

    def __init__(self, root: Path, *, writable: bool = True, alone: bool = False) -> None:
        self._name = str(root)
        self._writable = writable
        with naming_errors(self._name):
            self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if alone:
            try:
                hold_alone(self._root, self._name)
            except BaseException:
                os.close(self._root)
                raise
        self._new: dict[int, _NewFile] = {}
        self._next_ticket = 1
        self._written: list[str] = []

    def info(self) -> VolumeInfo:
        with naming_errors(self._name):
            status = os.fstatvfs(self._root)
        size = status.f_frsize
        return VolumeInfo("directory", "", status.f_blocks * size, status.f_bavail * size, size)

    def list(self, folder: str) -> tuple[Entry, ...]:
        with naming_errors(folder or self._name), self._folder(folder) as fd:
            if fd is None:
                return ()
            found: MutableSequence[Entry] = []
            with os.scandir(fd) as entries:
                for entry in entries:
                    if len(found) == _MAX_ENTRIES:
                        raise Refusal(Code.MEDIUM_UNREADABLE, f"{folder}: more than {_MAX_ENTRIES} names")
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode):
                        found.append(Entry(_printable(entry.name), 0, True))
                    elif stat.S_ISREG(status.st_mode):
                        found.append(Entry(_printable(entry.name), status.st_size, False))
            return tuple(found)

    def read_object(self, path: str, limit: int) -> bytes:
        with self._file(path) as fd:
            size = os.fstat(fd).st_size
            if size > limit:
                raise Refusal(Code.TOO_LARGE, f"{path}: {size} bytes, at most {limit} are allowed")
            return _read(fd, path, 0, size)

    def read_run(self, path: str, offset: int, length: int) -> bytes:
        if offset < 0 or length < 0:
            raise Misuse(f"{path}: {length} bytes at {offset} were asked for")
        with self._file(path) as fd:
            if offset + length > os.fstat(fd).st_size:
                raise Refusal(Code.TRUNCATED, f"{path}: ends before {offset + length}")
            return _read(fd, path, offset, length)

    def begin(self, path: str, size: int) -> int:
        self._check_writable()
        if size < 0:
            raise Misuse(f"{path}: {size} bytes")
        announced = sum(new.size - new.written for new in self._new.values())
        free = max(0, self.info().free - announced)
        if size > free:
            raise Refusal(Code.MEDIUM_FULL, f"{path}: {size} bytes do not fit, {free} are free")
        parent, name = _split(path)
        with naming_errors(path), self._folder(parent, make=True) as fd:
            if fd is None:
                raise Refusal(
                    Code.MEDIUM_UNREADABLE, f"{path}: a file or a link stands where a folder should"
                )
            if _exists(fd, name) or any(new.path == path for new in self._new.values()):
                raise Misuse(f"{path} exists already, and files on a medium are never overwritten")
            ticket, self._next_ticket = self._next_ticket, self._next_ticket + 1
            temporary = f"{name.partition('.')[0]}.~{ticket % 100:02d}"
            opened = _create(fd, temporary)
        self._new[ticket] = _NewFile(parent, name, size, opened, temporary)
        return ticket

    def append(self, ticket: int, data: Data) -> None:
        new = self._begun(ticket)
        view = memoryview(data).cast("B")
        if new.written + len(view) > new.size:
            raise Misuse(f"{new.path}: more bytes than were announced")
        with naming_errors(new.path):
            while view:
                count = os.write(new.fd, view)
                new.written += count
                view = view[count:]

    def commit(self, ticket: int) -> None:
        new = self._begun(ticket)
        if new.written != new.size:
            raise Misuse(f"{new.path}: {new.written} of {new.size} bytes were written")
        with naming_errors(new.path), self._folder(new.parent) as fd:
            if fd is None:
                raise Refusal(Code.MEDIUM_PULLED, f"{new.path}: its folder is gone")
            os.fsync(new.fd)
            if _exists(fd, new.name):
                raise Misuse(f"{new.path} exists already, and files on a medium are never overwritten")
            # FAT has no hard links, so a name that appears between the look and this is replaced. Whoever
            # makes it writes to the same medium at the same time, and no program does that holds it alone.
            os.rename(new.temporary, new.name, src_dir_fd=fd, dst_dir_fd=fd)
            os.fsync(fd)
        os.close(new.fd)
        self._written.append(new.path)
        del self._new[ticket]

    def discard(self, ticket: int) -> None:
        new = self._new.pop(ticket, None)
        if new is None:
            return
        # A descriptor of a medium that is gone may answer with an error; it is closed all the same.
        with suppress(OSError):
            os.close(new.fd)
        with naming_errors(new.path), self._folder(new.parent) as fd:
            if fd is not None and _exists(fd, new.temporary):
                os.unlink(new.temporary, dir_fd=fd)

    def delete(self, path: str) -> None:
        self._check_writable()
        parent, name = _split(path)
        with naming_errors(path), self._folder(parent) as fd:
            if fd is None or not _exists(fd, name):
                raise Misuse(f"{path}: there is no such file to delete")
            if stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                try:
                    os.rmdir(name, dir_fd=fd)
                except OSError as error:
                    if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                        raise
                    raise Misuse(f"{path}: the folder is not empty") from None
            else:
                os.unlink(name, dir_fd=fd)
            os.fsync(fd)
        if path in self._written:
            self._written.remove(path)

    def settle(self) -> ReadBack:
        for path in self._written:
            with self._file(path) as fd:
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        self._written.clear()
        return ReadBack.FLUSHED

    def close(self) -> None:
        if self._root >= 0:
            try:
                for ticket in tuple(self._new):
                    self.discard(ticket)
            finally:
                os.close(self._root)
                self._root = -1

    def _check_writable(self) -> None:
        if not self._writable:
            raise Refusal(Code.MEDIUM_WRITE_PROTECTED, f"{self._name}: opened for reading only")

    def _begun(self, ticket: int) -> _NewFile:
        if ticket not in self._new:
            raise Misuse("no file was begun under this ticket")
        return self._new[ticket]

    @contextmanager
    def _folder(self, path: str, *, make: bool = False) -> Iterator[int | None]:
        """A folder's descriptor, reached one part at a time without following links."""
        fd = os.dup(self._root)
        try:
            for part in path.split("/") if path else ():
                _check_part(part)
                if make and not _exists(fd, part):
                    os.mkdir(part, dir_fd=fd)
                    os.fsync(fd)
                try:
                    inner = os.open(part, _FOLDER, dir_fd=fd)
                except (FileNotFoundError, NotADirectoryError):
                    yield None
                    return
                os.close(fd)
                fd = inner
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def _file(self, path: str) -> Iterator[int]:
        parent, name = _split(path)
        with naming_errors(path), self._folder(parent) as folder:
            if folder is None or not _exists(folder, name):
                raise Refusal(Code.TRUNCATED, f"{path} is not on the medium")
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            try:
                if not stat.S_ISREG(os.fstat(fd).st_mode):
                    raise Refusal(Code.MEDIUM_UNREADABLE, f"{path} is not a regular file")
                yield fd
            finally:
                os.close(fd)


def _check_part(part: str) -> None:
    if part in ("", ".", "..") or "\0" in part:
        raise Misuse(f"{part!r} is not a name on a medium")


def _split(path: str) -> tuple[str, str]:
    """A path's folder and last name. Misuse for names that would lead elsewhere."""
    parent, _, name = path.rpartition("/")
    _check_part(name)
    return parent, name


def _printable(name: str) -> str:
    """A name as text: bytes that are none, and what could move a cursor, replaced."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name)


def _create(folder: int, temporary: str) -> int:
    """Make a temporary file. One of the same name is what a cut left of an earlier try."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(temporary, flags, 0o644, dir_fd=folder)
    except FileExistsError:
        os.unlink(temporary, dir_fd=folder)
        return os.open(temporary, flags, 0o644, dir_fd=folder)


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _read(fd: int, path: str, offset: int, length: int) -> bytes:
    parts = []
    while length:
        part = os.pread(fd, length, offset)
        if not part:
            raise Refusal(Code.TRUNCATED, f"{path}: ends at {offset}, {length} bytes too early")
        parts.append(part)
        offset += len(part)
        length -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
