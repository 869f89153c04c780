"""What is said between the courier and its client, in deterministic CBOR over a socket that keeps messages.

    handover   [version, name, writable, direct]    with the descriptors: buffer, medium, direct medium
    ready      [version, confinement …]             the sandbox is closed, nothing was read yet
    request    [operation, argument …]
    answer     [outcome, value …]

Bulk data (runs, pages of a listing) stands in the buffer, memory that both share; a message says how
many bytes of it count. The client copies them once and looks at its copy only.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import Final

from media_format import cbor
from media_format.cbor import Value
from media_format.errors import MachineFault, Misuse
from media_format.limits import KIB, MIB
from media_format.refusal import Code, Refusal

VERSION: Final = 1
MAX_MESSAGE: Final = 16 * KIB
BUFFER: Final = 4 * MIB
"""Bytes of the shared memory: what a medium takes and gives at its full speed."""
PAGE: Final = 4096
"""Entries of a folder in one page: they fit the buffer with the longest names that FAT has."""
MAX_TEXT: Final = 500
"""Characters of an error's text."""

CODES: Final = frozenset(
    {
        Code.MEDIUM_UNREADABLE,
        Code.MEDIUM_FULL,
        Code.MEDIUM_WRITE_PROTECTED,
        Code.MEDIUM_BUSY,
        Code.MEDIUM_PULLED,
        Code.TOO_LARGE,
        Code.TRUNCATED,
    }
)
"""The refusals that a volume may raise."""


class Operation(StrEnum):
    """The calls of the volume seam, and `OPEN` before them."""

    OPEN = "open"
    INFO = "info"
    LIST = "list"
    READ_OBJECT = "read object"
    READ_RUN = "read run"
    BEGIN = "begin"
    APPEND = "append"
    COMMIT = "commit"
    DISCARD = "discard"
    DELETE = "delete"
    SETTLE = "settle"
    CLOSE = "close"


class Outcome(IntEnum):
    """The first word of an answer; all but `DONE` are followed by a text, `REFUSED` by code and text."""

    DONE = 0
    REFUSED = 1
    MISUSE = 2
    FAULT = 3


def encode(values: Sequence[Value]) -> bytes:
    """A message."""
    return cbor.encode(list(values))


def decode(data: bytes, name: str, limit: int = MAX_MESSAGE) -> list[Value]:
    """A message's values. Refusal(malformed) or (too-large) if it is none."""
    values = cbor.decode(data, limit, name)
    if not isinstance(values, list):
        raise Refusal(Code.MALFORMED, f"{name}: not an array")
    return values


def error_values(error: BaseException) -> list[Value]:
    """An answer that carries an error; what nobody foresaw was caused by the medium's content."""
    match error:
        case Refusal() if error.code in CODES:
            return [Outcome.REFUSED, error.code, harmless(error.detail)]
        case Misuse():
            return [Outcome.MISUSE, harmless(str(error))]
        case MachineFault():
            return [Outcome.FAULT, harmless(str(error))]
        case MemoryError():
            why = "its file system needs more memory than one may"
        case _:
            why = f"its file system cannot be made sense of ({type(error).__name__}: {error})"
    return [Outcome.REFUSED, Code.MEDIUM_UNREADABLE, harmless(why)]


def harmless(text: str) -> str:
    """A text of bounded length that cannot move a cursor."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:MAX_TEXT])
