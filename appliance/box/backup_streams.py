"""What a backup's archive flows through: a digest, a seal."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, Final

from media_format.payload.cobblestone import Opener, Sealer
from media_format.refusal import Code, Refusal

if TYPE_CHECKING:
    from typing_extensions import Buffer

RUN: Final = 1024 * 1024
"""Bytes that are read at once."""

Advance = Callable[[int], None]
"""Hears of bytes that were read or written."""


class Digesting(io.RawIOBase):
    """A file that is digested while it is read."""

    def __init__(self, file: BinaryIO, advance: Advance) -> None:
        self._file = file
        self._advance = advance
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        self._advance(len(data))
        return data


class Sealing(io.RawIOBase):
    """What tarfile writes to."""

    def __init__(self, out: BinaryIO, sealer: Sealer) -> None:
        self._out = out
        self._sealer = sealer

    def writable(self) -> bool:
        return True

    def write(self, data: Buffer) -> int:
        self._out.write(self._sealer.update(memoryview(data)))
        return memoryview(data).nbytes

    def finish(self) -> None:
        """End what is sealed."""
        self._out.write(self._sealer.finalize())


class Opening(io.RawIOBase):
    """What tarfile reads from: plaintext, each block of it authenticated."""

    def __init__(self, file: BinaryIO, opener: Opener) -> None:
        self._file = file
        self._opener = opener
        self._plain = b""
        self._began = self._ended = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while len(self._plain) < size and not self._ended:
            self._plain += self._next()
        taken, self._plain = self._plain[:size], self._plain[size:]
        return taken

    def finish(self) -> None:
        """Read on to the end, which alone says that nothing is missing."""
        while not self._ended:
            self._next()

    def _next(self) -> bytes:
        sealed = self._file.read(RUN)
        try:
            plain = self._opener.update(sealed) if sealed else self._finalized()
        except Refusal:
            if self._began:
                raise Refusal(Code.DECRYPTION_FAILED, "the backup was changed or cut off") from None
            raise Refusal(
                Code.PIN_WRONG,
                "the passphrase is not the backup's, or its beginning was changed",
                "The passphrase is wrong; try again with the one that the backup was made with.",
            ) from None
        self._began = self._began or bool(plain)
        return plain

    def _finalized(self) -> bytes:
        self._ended = True
        return self._opener.finalize()
