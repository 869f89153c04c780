"""Run as a courier: one that was taken over before it began, and answers as its first argument says."""

from __future__ import annotations

import mmap
import os
import socket
import sys
from collections.abc import Callable, Mapping

from appliance.media.courier.__main__ import run
from appliance.media.courier.messages import BUFFER, MAX_MESSAGE, PAGE, decode, encode
from media_format.cbor import Value
from media_format.volume.blocks import Blocks

_ENTRIES: list[Value] = [["A.TXT", 1, False]] * PAGE


def _bulk(buffer: mmap.mmap, values: list[Value]) -> int:
    data = encode(values)
    buffer[: len(data)] = data
    return len(data)


def _compute() -> None:
    while True:
        pass


def _wait(link: socket.socket) -> None:
    while link.recv(MAX_MESSAGE):
        pass


LIES: Mapping[str, Callable[[mmap.mmap], bytes]] = {
    "no CBOR": lambda _: b"\xff" * 100,
    "no array": lambda _: b"\x00",
    "a message without end": lambda _: bytes(MAX_MESSAGE + 1),
    "an unknown outcome": lambda _: encode([7, None]),
    "a refusal of another part": lambda _: encode([1, "tpm-locked", "buy a new one"]),
    "a refusal with no known code": lambda _: encode([1, "medium-cursed", "x"]),
    "too many values": lambda _: encode([0, 1, 2]),
    "a value of another type": lambda _: encode([0, "x"]),
    "true for a number": lambda _: encode([0, True]),
    "a length above the buffer": lambda _: encode([0, BUFFER + 1]),
    "a negative length": lambda _: encode([0, -1]),
    "fewer bytes than asked for": lambda _: encode([0, 3]),
    "a listing without end": lambda buffer: encode([0, [_bulk(buffer, _ENTRIES), True]]),
    "a listing of noise": lambda buffer: encode([0, [100, False]]),
    "a path for a name": lambda buffer: encode([0, [_bulk(buffer, [["../etc/passwd", 1, False]]), False]]),
    "a name that moves the cursor": lambda buffer: encode(
        [0, [_bulk(buffer, [["\x1b[2J", 1, False]]), False]]
    ),
    "a name without end": lambda buffer: encode([0, [_bulk(buffer, [["A" * 300, 1, False]]), False]]),
    "a file of a negative size": lambda buffer: encode([0, [_bulk(buffer, [["A", -1, False]]), False]]),
    "more room than the medium has": lambda _: encode([0, ["fat32", "", 2**60, 2**60, 512]]),
    "more free than there is": lambda _: encode([0, ["fat32", "", 512, 1024, 512]]),
    "another kind of volume": lambda _: encode([0, ["ntfs", "", 512, 512, 512]]),
}


def lie(link: socket.socket, buffer: mmap.mmap, blocks: Blocks) -> None:
    """Answer the opening honestly, so that there is a volume, and everything else as ordered."""
    while request := link.recv(MAX_MESSAGE):
        if decode(request, "a request") == ["open"]:
            link.send(encode([0, None]))
            continue
        match sys.argv[1]:
            case "die":
                os._exit(0)
            case "compute":
                _compute()
            case "keep silent":
                _wait(link)
            case "a refusal that moves the cursor":
                link.send(encode([1, "medium-unreadable", "\x1b[2J" * 2000]))
            case name:
                link.send(LIES[name](buffer))


if __name__ == "__main__":
    run(int(sys.argv[2]), lie)
