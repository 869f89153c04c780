"""Firmware that betrays itself: whatever part of it turns up anywhere is recognised."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from media_format.payload import zstd

_BLOCK: Final = 16
_MARK: Final = b"canary block"
_CIPHER: Final = Cipher(algorithms.AES(b"a key for tests."), modes.ECB())
_WORD: Final = b"canary word b94d27b9934d3e08a52e52d7"
_MAGIC: Final = b"\x28\xb5\x2f\xfd"
"""What a zstd frame begins with (RFC 8878, 3.1.1)."""
_FRAME_LIMIT: Final = 16 * 1024 * 1024


def noise(size: int) -> bytes:
    """Incompressible firmware: each 16 bytes are a mark and a number, encrypted under a key known here."""
    plain = b"".join(_MARK + number.to_bytes(4, "big") for number in range(size // _BLOCK))
    return _CIPHER.encryptor().update(plain)


def text(size: int) -> bytes:
    """Compressible firmware: numbered lines that hold a word of no meaning."""
    lines = b"".join(b"%08d %s\n" % (number, _WORD) for number in range(size // 40))
    return lines[:size].ljust(size, b"\n")


def betrays(data: bytes) -> bool:
    """Whether any firmware of this module is in `data`, at any place, also within zstd frames."""
    return _shows(data) or any(map(_shows, _frames(data)))


def _shows(data: bytes) -> bool:
    return _WORD in data or any(_MARK in _decrypted(data[shift:]) for shift in range(_BLOCK))


def _decrypted(data: bytes) -> bytes:
    return _CIPHER.decryptor().update(data[: len(data) - len(data) % _BLOCK])


def _frames(data: bytes) -> Iterator[bytes]:
    """What every zstd frame in `data` holds, as far as it can be decompressed."""
    place = data.find(_MAGIC)
    while place >= 0:
        yield _unpacked(data[place:])
        place = data.find(_MAGIC, place + 1)


def _unpacked(data: bytes) -> bytes:
    """The content of a frame, up to where it is damaged or cut off."""
    found, decompressor = b"", zstd.ZstdDecompressor()
    try:
        for start in range(0, len(data), 4096):
            found += decompressor.decompress(data[start : start + 4096])
            if decompressor.eof or len(found) > _FRAME_LIMIT:
                break
    except zstd.ZstdError:
        return found
    return found
