"""The courier's side: answers requests about one volume until its client says so or is gone."""

from __future__ import annotations

import mmap
import socket
from collections.abc import Callable, Mapping
from typing import Any, Final

from appliance.media.courier.messages import (
    BUFFER,
    MAX_MESSAGE,
    PAGE,
    Operation,
    Outcome,
    decode,
    encode,
    error_values,
    harmless,
)
from media_format.cbor import Value
from media_format.errors import Misuse
from media_format.volume.blocks import Blocks
from media_format.volume.fat import FatVolume
from media_format.volume.partition import find_volume
from media_format.volume.seam import Entry, Volume

_Handler = Callable[..., Value]


def serve(link: socket.socket, buffer: mmap.mmap, blocks: Blocks) -> None:
    """Answer requests until the client closes the volume. A client that dies leaves it as a cut would."""
    server = Server(buffer, blocks)
    while not server.closed:
        request = link.recv(MAX_MESSAGE)
        if not request:
            return
        try:
            answer: list[Value] = [Outcome.DONE, server.answer(*decode(request, "a request"))]
        except Exception as error:
            answer = error_values(error)
        link.send(encode(answer))


class Server:
    """The volume behind the requests, and what one request leaves for the next."""

    def __init__(self, buffer: mmap.mmap, blocks: Blocks) -> None:
        self._buffer = buffer
        self._blocks = blocks
        self._volume: Volume | None = None
        self._listed: tuple[Entry, ...] = ()
        self.closed = False
        self._handlers: Final[Mapping[str, _Handler]] = {
            Operation.OPEN: self._open,
            Operation.INFO: self._info,
            Operation.LIST: self._list,
            Operation.READ_OBJECT: self._read_object,
            Operation.READ_RUN: self._read_run,
            Operation.BEGIN: lambda path, size: self._opened.begin(path, size),
            Operation.APPEND: self._append,
            Operation.COMMIT: lambda ticket: self._opened.commit(ticket),
            Operation.DISCARD: lambda ticket: self._opened.discard(ticket),
            Operation.DELETE: lambda path: self._opened.delete(path),
            Operation.SETTLE: lambda: self._opened.settle(),
            Operation.CLOSE: self._close,
        }

    def answer(self, operation: Any, *arguments: Any) -> Value:
        """What one request asks for; the errors of the volume."""
        handler = self._handlers.get(operation)
        if handler is None:
            raise Misuse(f"{operation!r} is no operation of the courier")
        return handler(*arguments)

    @property
    def _opened(self) -> Volume:
        if self._volume is None:
            raise Misuse("the volume is not open")
        return self._volume

    def _open(self) -> None:
        self._volume = FatVolume(find_volume(self._blocks))

    def _info(self) -> Value:
        info = self._opened.info()
        return [info.kind, harmless(info.label), info.capacity, info.free, info.cluster]

    def _list(self, folder: str, first: int) -> Value:
        """One page of a listing; the folder is read when its first page is asked for."""
        if first == 0:
            self._listed = self._opened.list(folder)
        page = self._listed[first : first + PAGE]
        length = self._put(encode([[entry.name, entry.size, entry.folder] for entry in page]))
        more = first + PAGE < len(self._listed)
        if not more:
            self._listed = ()
        return [length, more]

    def _read_object(self, path: str, limit: int) -> Value:
        return self._put(self._opened.read_object(path, min(limit, BUFFER)))

    def _read_run(self, path: str, offset: int, length: int) -> Value:
        return self._put(self._opened.read_run(path, offset, length))

    def _append(self, ticket: int, length: int) -> None:
        with memoryview(self._buffer) as whole, whole[:length] as data:
            self._opened.append(ticket, data)

    def _close(self) -> None:
        self.closed = True
        if self._volume is None:
            self._blocks.close()
        else:
            self._volume.close()

    def _put(self, data: bytes) -> int:
        self._buffer[: len(data)] = data
        return len(data)
