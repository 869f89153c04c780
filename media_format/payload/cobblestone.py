"""Cobblestone-256 (C2SP chunked-encryption): sequential through `cryptography`, random access by us.

A message is cut into blocks of 16 KiB, each sealed with AES-256-GCM; the last one is always shorter.
Key, nonce and a 32-byte commitment come from HKDF-Expand with SHA-512.

Opening in sequence returns every block as soon as that block is authenticated: what has been returned is
a true prefix of what was sealed, in order and in place, but only `finalize` (or, at random,
`check_end`) tells that it is the whole.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import ClassVar, Final, Protocol

from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor
from cryptography.exceptions import AlreadyFinalized, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from media_format.errors import Misuse
from media_format.refusal import Code, Refusal

BLOCK: Final = 16 * 1024
"""Plaintext bytes of a block; the specification calls it a chunk."""
TAG: Final = 16
SALT: Final = 24
COMMITMENT: Final = 32
HEADER: Final = SALT + COMMITMENT
KEY_SIZE: Final = 32
_SEALED_BLOCK: Final = BLOCK + TAG
_NONCE: Final = 12
_MAX_BLOCKS: Final = 2**38


def ciphertext_length(plaintext_length: int) -> int:
    """Bytes of the message that seals `plaintext_length` bytes."""
    return HEADER + plaintext_length + (plaintext_length // BLOCK + 1) * TAG


def plaintext_length(length: int) -> int:
    """Bytes sealed in a message of `length` bytes; Refusal(truncated) for lengths no message has."""
    blocks, last = divmod(length - HEADER, _SEALED_BLOCK)
    if length < HEADER or last < TAG or blocks >= _MAX_BLOCKS:
        raise Refusal(Code.TRUNCATED, f"no sealed payload has {length} bytes")
    return blocks * BLOCK + last - TAG


def room_for(length: int) -> int:
    """Bytes of memory into which `update_into` can always put what becomes of `length` bytes."""
    return HEADER + length + BLOCK + (length // BLOCK + 2) * TAG


class Sealer:
    """Seals one message under one fresh key. Misuse for a key of another size, and once it has ended."""

    def __init__(self, key: bytes, context: bytes) -> None:
        self._encryptor = Cobblestone256Encryptor(_checked(key), context)

    def update(self, data: bytes | memoryview) -> bytes:
        """Take the next plaintext, return ciphertext that is ready."""
        try:
            return self._encryptor.update(data)
        except AlreadyFinalized:
            raise _ended() from None

    def finalize(self) -> bytes:
        """The rest of the ciphertext."""
        try:
            return self._encryptor.finalize()
        except AlreadyFinalized:
            raise _ended() from None


class Opener:
    """Opens one message from its beginning. Misuse for a key of another size, and once it has ended.

    A refusal ends it too.
    """

    def __init__(self, key: bytes, context: bytes) -> None:
        self._decryptor = Cobblestone256Decryptor(_checked(key), context)
        self._taken = 0

    def update(self, data: bytes | memoryview) -> bytes:
        """Take the next ciphertext, return authenticated plaintext. Refusal(decryption-failed)."""
        self._taken += len(data)
        try:
            return self._decryptor.update(data)
        except AlreadyFinalized:
            raise _ended() from None
        except (InvalidTag, ValueError):
            raise _closed() from None

    def update_into(self, data: bytes | memoryview, memory: bytearray) -> memoryview:
        """As `update`, into memory with `room_for` the data; returns the part that was filled."""
        self._taken += len(data)
        try:
            return memoryview(memory)[: self._decryptor.update_into(data, memory)]
        except AlreadyFinalized:
            raise _ended() from None
        except (InvalidTag, ValueError):
            raise _closed() from None

    def finalize(self) -> bytes:
        """The rest of the plaintext.

        Raises Refusal(truncated) where no message has this length, Refusal(decryption-failed) unless
        the message ended as it was sealed.
        """
        try:
            return self._decryptor.finalize()
        except AlreadyFinalized:
            raise _ended() from None
        except (InvalidTag, ValueError):
            plaintext_length(self._taken)
            raise _closed() from None


class Plain(Protocol):
    """Plaintext of a payload at any place."""

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes from `offset`."""
        ...


class RandomAccess:
    """Opens any part of a message, authenticating every block it touches.

    `read_run(offset, length)` reads the ciphertext of `length` bytes in all. The last block read is
    kept, so that reading on from where one stopped opens each block once. A shortened message shows
    where its last block is touched: by `check_end`, or by reading up to the end.

    Raises Refusal(truncated) for a length no message has, Refusal(decryption-failed) where key or
    context are not those of the message, Misuse for a key of another size.
    """

    _HASH: ClassVar[hashes.HashAlgorithm] = hashes.SHA512()

    def __init__(
        self, key: bytes, context: bytes, length: int, read_run: Callable[[int, int], bytes]
    ) -> None:
        self._read_run = read_run
        self.length = plaintext_length(length)
        header = read_run(0, HEADER)
        info = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\x00" + header[:SALT] + context
        derived = HKDFExpand(self._HASH, KEY_SIZE + _NONCE + COMMITMENT, info).derive(_checked(key))
        if not hmac.compare_digest(derived[KEY_SIZE + _NONCE :], header[SALT:]):
            raise _closed()
        self._aead = AESGCM(derived[:KEY_SIZE])
        self._nonce = int.from_bytes(derived[KEY_SIZE : KEY_SIZE + _NONCE], "big")
        self._kept: tuple[int, bytes] = (-1, b"")

    def read(self, offset: int, length: int) -> bytes:
        """Plaintext. Refusal(truncated) past the end, Refusal(decryption-failed) for changed blocks."""
        if offset < 0 or length < 0 or offset + length > self.length:
            raise Refusal(Code.TRUNCATED, f"the payload ends at {self.length}, before {offset + length}")
        if length == 0:
            return b""
        end = offset + length
        # Reading up to the end opens the last block too where that one is empty: it holds the length.
        first, last = offset // BLOCK, (end if end == self.length else end - 1) // BLOCK
        plain = self._open(first, last)
        start = offset - first * BLOCK
        return plain[start : start + length]

    def check_end(self) -> None:
        """Authenticate the last block, and with it the length. Refusal(decryption-failed)."""
        last = self.length // BLOCK
        self._open(last, last)

    def _open(self, first: int, last: int) -> bytes:
        """The plaintext of blocks `first` to `last`, in one read of what is not kept."""
        parts = []
        if first == self._kept[0]:
            parts.append(self._kept[1])
            first += 1
        if first <= last:
            whole = ciphertext_length(self.length) - HEADER
            start = first * _SEALED_BLOCK
            end = min((last + 1) * _SEALED_BLOCK, whole)
            sealed = memoryview(self._read_run(HEADER + start, end - start))
            for number in range(first, last + 1):
                at = (number - first) * _SEALED_BLOCK
                parts.append(self._open_block(number, sealed[at : at + _SEALED_BLOCK]))
            self._kept = (last, parts[-1])
        return b"".join(parts)

    def _open_block(self, number: int, sealed: memoryview) -> bytes:
        nonce = (self._nonce ^ number).to_bytes(_NONCE, "big")
        try:
            return self._aead.decrypt(nonce, sealed, None)
        except InvalidTag:
            raise _closed() from None


def _checked(key: bytes) -> bytes:
    # HMAC fills short keys up with zeros, so that HKDF alone would take a key for its shorter twin.
    if len(key) != KEY_SIZE:
        raise Misuse(f"a key of {len(key)} bytes where {KEY_SIZE} belong")
    return key


def _ended() -> Misuse:
    return Misuse("the message has ended already")


def _closed() -> Refusal:
    return Refusal(Code.DECRYPTION_FAILED, "the payload does not open with this package's content key")
