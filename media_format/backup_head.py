"""The head of a backup: what stands before the sealed part, in the clear (magic, length, CBOR)."""

from __future__ import annotations

import struct
from typing import BinaryIO, ClassVar, Final

from media_format.objects.manifest import FORMAT, SHORT
from media_format.refusal import Code, Refusal
from media_format.wire import TIME, Blob, Record, Uint, key, malformed, record

MAGIC: Final = b"updatebox backup\n"
SALT: Final = 16
"""Bytes of the salt."""
PASSES, LANES, MEMORY = 3, 4, 64 * 1024
"""The second recommended option of RFC 9106, section 4; memory in KiB."""

_LENGTH: Final = struct.Struct(">I")


@record
class BackupHead(Record):
    """How the passphrase is stretched. The rest is bound to it, but by itself it is not certain.

    So nothing in it makes a reader work harder than a box's own backup does.
    """

    NAME: ClassVar[str] = "backup's head"
    LIMIT: ClassVar[int] = 1024

    format: int = key(1, FORMAT)
    box: str = key(2, SHORT)
    created: int = key(3, TIME)
    salt: bytes = key(4, Blob(SALT, SALT))
    passes: int = key(5, Uint(1, PASSES))
    memory: int = key(6, Uint(8 * 1024, MEMORY))
    lanes: int = key(7, Uint(1, LANES))


def framed(head: bytes) -> bytes:
    """What a backup begins with, its head being encoded already."""
    return MAGIC + _LENGTH.pack(len(head)) + head


def read_head(file: BinaryIO) -> tuple[BackupHead, bytes]:
    """The head of a backup, and its encoding; the file stands at the sealed part then.

    Refusal(malformed) for what is no backup, (too-large), (unsupported-format) for a later version.
    """
    start = file.read(len(MAGIC) + _LENGTH.size)
    if not start.startswith(MAGIC) or len(start) < len(MAGIC) + _LENGTH.size:
        raise malformed("backup", "this is no backup of a box")
    (length,) = _LENGTH.unpack(start[len(MAGIC) :])
    if length > BackupHead.LIMIT:
        raise Refusal(Code.TOO_LARGE, f"the backup's head has {length} bytes")
    data = file.read(length)
    return BackupHead.from_bytes(data), data
