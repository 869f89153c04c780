"""Calls and replies as they travel between keystore and client: CBOR values behind a length of four bytes.

A call is an array of the call's name and its arguments. A reply is an array of a status and what
belongs to it: the value, a refusal's code and detail, or the text of a misuse.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from media_format import cbor, limits
from media_format.refusal import Code, Refusal

MAX_MESSAGE: Final = 2 * limits.MIB
"""Bytes of one message: what is signed is a whole object with its chain."""
_LENGTH: Final = struct.Struct(">I")


class Status(IntEnum):
    """What a reply says."""

    DONE = 0
    REFUSED = 1
    MISUSED = 2


def send(connection: socket.socket, message: Sequence[cbor.Value]) -> None:
    """Send one message. OSError where the other side is gone."""
    data = cbor.encode(message)
    connection.sendall(_LENGTH.pack(len(data)) + data)


def receive(connection: socket.socket) -> Sequence[cbor.Value] | None:
    """The next message; None where the other side has hung up.

    Raises OSError where it hung up within a message, Refusal(malformed) or (too-large) for what is none.
    """
    head = _take(connection, _LENGTH.size)
    if not head:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > MAX_MESSAGE:
        raise Refusal(Code.TOO_LARGE, f"a message of {length} bytes")
    message = cbor.decode(_take(connection, length), MAX_MESSAGE, "keystore message")
    if not isinstance(message, list) or not message:
        raise Refusal(Code.MALFORMED, "a keystore message must be an array that is not empty")
    return message


def _take(connection: socket.socket, size: int) -> bytes:
    """Exactly `size` bytes, or none at all where the other side hung up before the first."""
    taken = bytearray()
    while len(taken) < size:
        part = connection.recv(size - len(taken))
        if not part:
            if taken or size != _LENGTH.size:
                raise ConnectionResetError("the other side hung up within a message")
            return b""
        taken += part
    return bytes(taken)
