"""The volume as everybody but the courier sees it. Nothing that the courier says is believed unseen."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from typing import Final

from appliance.media.courier.link import Link
from appliance.media.courier.messages import BUFFER, PAGE, Operation, decode
from appliance.media.courier.sandbox import Confinement
from media_format.cbor import Value
from media_format.errors import Misuse
from media_format.limits import KIB
from media_format.refusal import Code, Refusal
from media_format.volume.fat import MAX_FILE
from media_format.volume.seam import Data, Entry, ReadBack, VolumeInfo

_KINDS: Final = ("fat12", "fat16", "fat32")
_MAX_NAME: Final = 260
_MAX_LABEL: Final = 16
_MAX_ENTRIES: Final = 65536
_MAX_CLUSTER: Final = 512 * KIB
_MAX_TICKET: Final = 2**32


class CourierVolume:
    """A FAT volume in a courier. Implements `media_format.volume.seam.Volume`.

    `confinement` states what kept the courier in. Threads may share it: one call at a time is made.
    """

    def __init__(self, link: Link, buffer: mmap.mmap, confinement: Confinement, size: int) -> None:
        self._link = link
        self._buffer = buffer
        self._size = size
        self.confinement = confinement
        self._closed = False

    def open(self) -> None:
        """Let the courier read the file system for the first time. Refusal(medium-*)."""
        self._nothing(Operation.OPEN)

    def info(self) -> VolumeInfo:
        match self._link.call(Operation.INFO):
            case [str(kind), str(label), int(capacity), int(free), int(cluster)] if (
                kind in _KINDS
                and _is_text(label, _MAX_LABEL)
                and _is_count(capacity, self._size)
                and _is_count(free, capacity)
                and _is_count(cluster, _MAX_CLUSTER)
            ):
                return VolumeInfo(kind, label, capacity, free, cluster)
        raise self._link.distrust("what the volume says of itself")

    def list(self, folder: str) -> tuple[Entry, ...]:
        found: list[Entry] = []
        while True:
            match self._link.call(Operation.LIST, folder, len(found)):
                case [length, bool(more)]:
                    page = self._page(self._taken(length))
                    found += map(self._entry, page)
                case _:
                    raise self._link.distrust("a listing")
            if not more:
                return tuple(found)
            if len(page) != PAGE or len(found) >= _MAX_ENTRIES:
                raise self._link.distrust("a listing without end")

    def read_object(self, path: str, limit: int) -> bytes:
        """As the seam says; an object of more than 4 MiB is too large, whatever the limit."""
        data = self._taken(self._link.call(Operation.READ_OBJECT, path, limit))
        if len(data) > limit:
            raise self._link.distrust("an object above its limit")
        return data

    def read_run(self, path: str, offset: int, length: int) -> bytes:
        if offset < 0 or length < 0:
            raise Misuse(f"{path}: {length} bytes at {offset} were asked for")
        if offset + length > MAX_FILE:
            raise Refusal(Code.TRUNCATED, f"{path}: ends before {offset + length}, as every file on FAT does")
        parts = []
        for start in range(0, max(length, 1), BUFFER):
            wanted = min(BUFFER, length - start)
            part = self._taken(self._link.call(Operation.READ_RUN, path, offset + start, wanted))
            if len(part) != wanted:
                raise self._link.distrust("a run of another length")
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def begin(self, path: str, size: int) -> int:
        if not 0 <= size <= MAX_FILE:
            raise Misuse(f"{path}: a file on FAT has at most {MAX_FILE} bytes")
        ticket = self._link.call(Operation.BEGIN, path, size)
        if isinstance(ticket, int) and _is_count(ticket, _MAX_TICKET):
            return ticket
        raise self._link.distrust("a ticket")

    def append(self, ticket: int, data: Data) -> None:
        view = memoryview(data).cast("B")
        for start in range(0, len(view), BUFFER):
            part = view[start : start + BUFFER]
            self._buffer[: len(part)] = part
            self._nothing(Operation.APPEND, ticket, len(part))

    def commit(self, ticket: int) -> None:
        self._nothing(Operation.COMMIT, ticket)

    def discard(self, ticket: int) -> None:
        self._nothing(Operation.DISCARD, ticket)

    def delete(self, path: str) -> None:
        self._nothing(Operation.DELETE, path)

    def settle(self) -> ReadBack:
        how = self._link.call(Operation.SETTLE)
        if how not in tuple(ReadBack):
            raise self._link.distrust("how the medium is read back")
        return ReadBack(str(how))

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            if not self._link.over:  # else whoever called last was told why
                self._nothing(Operation.CLOSE)
        finally:
            self._link.end()
            self._buffer.close()

    def _nothing(self, operation: Operation, *arguments: Value) -> None:
        if self._link.call(operation, *arguments) is not None:
            raise self._link.distrust("a value where there is none")

    def _taken(self, length: Value) -> bytes:
        """The bytes in the buffer, copied: the courier can change those at any time, but not these."""
        if isinstance(length, int) and _is_count(length, BUFFER):
            return self._buffer[:length]
        raise self._link.distrust("a length")

    def _page(self, data: bytes) -> Sequence[Value]:
        try:
            return decode(data, "a folder", BUFFER)
        except Refusal as refusal:
            raise self._link.distrust(refusal.detail) from None

    def _entry(self, raw: Value) -> Entry:
        match raw:
            case [str(name), int(size), bool(folder)] if (
                _is_text(name, _MAX_NAME) and "/" not in name and _is_count(size, MAX_FILE)
            ):
                return Entry(name, size, folder)
        raise self._link.distrust("an entry of a folder")


def _is_count(value: int, limit: int) -> bool:
    """Whether a number is one (CBOR's true and false are numbers to Python) and from 0 to `limit`."""
    return type(value) is int and 0 <= value <= limit


def _is_text(text: str, limit: int) -> bool:
    return len(text) <= limit and text.isprintable()
