"""The stored form of a chunk: what the payload holds for it."""

from __future__ import annotations

from typing import Final

from media_format import limits
from media_format.objects.chunk_table import Codec
from media_format.payload import zstd
from media_format.refusal import Code, Refusal

DEFAULT_LEVEL: Final = 3
_WINDOW_LOG: Final = limits.MAX_CHUNK_SIZE.bit_length() - 1
"""No frame may need a larger window than the largest chunk."""
_SINGLE_SEGMENT: Final = 0x20
_GAIN: Final = 32
"""A chunk is stored compressed only where that saves at least a 32nd."""


def encode_chunk(plaintext: bytes | memoryview, level: int = DEFAULT_LEVEL) -> tuple[Codec, bytes]:
    """Choose how to store a chunk: as nothing if it is all zero, compressed where it pays, else as it is."""
    plain = bytes(plaintext)
    if plain == bytes(len(plain)):
        return Codec.ZERO, b""
    packed = zstd.compress(plain, level)
    if len(packed) * _GAIN <= len(plain) * (_GAIN - 1):
        return Codec.ZSTD, packed
    return Codec.RAW, plain


def decode_chunk(codec: Codec, stored: bytes, length: int) -> bytes:
    """The plaintext of a chunk of `length` bytes from its stored form.

    The caller has checked the stored digest: only bytes that the vendor signed come here. Even so
    memory stays bounded by `length`, and that by the largest chunk. Raises Refusal(malformed) for
    frames that do not follow the format, Refusal(too-large) for those that claim or hold more than
    `length` bytes, or for chunks that are longer than any may be.
    """
    if not 0 <= length <= limits.MAX_CHUNK_SIZE:
        raise Refusal(Code.TOO_LARGE, f"a chunk of {length} bytes, longer than any may be")
    match codec:
        case Codec.ZERO:
            if stored:
                raise Refusal(Code.MALFORMED, "a chunk of zeros has no stored form")
            plain = bytes(length)
        case Codec.RAW:
            plain = stored
        case Codec.ZSTD:
            plain = _decompress(stored, length)
        case Codec.SAME:
            raise Refusal(Code.MALFORMED, "a repeated chunk has no stored form")
    if len(plain) != length:
        raise Refusal(Code.MALFORMED, f"a chunk of {len(plain)} bytes where {length} belong")
    return plain


def _decompress(stored: bytes, length: int) -> bytes:
    try:
        frame = zstd.get_frame_info(stored)
        if frame.decompressed_size is None or frame.dictionary_id:
            raise Refusal(Code.MALFORMED, "a zstd frame without its size, or with a dictionary")
        if frame.decompressed_size != length:
            code = Code.TOO_LARGE if frame.decompressed_size > length else Code.MALFORMED
            raise Refusal(code, f"a zstd frame of {frame.decompressed_size} bytes where {length} belong")
        if _window(stored) > limits.MAX_CHUNK_SIZE:
            raise Refusal(Code.TOO_LARGE, "a zstd frame with a window larger than any chunk")
        options = {int(zstd.DecompressionParameter.window_log_max): _WINDOW_LOG}
        decompressor = zstd.ZstdDecompressor(options=options)
        plain = decompressor.decompress(stored, max_length=length + 1)
    except zstd.ZstdError as error:
        raise Refusal(Code.MALFORMED, f"not a zstd frame: {error}") from None
    if len(plain) > length:
        raise Refusal(Code.TOO_LARGE, f"a zstd frame holds more than {length} bytes")
    if not decompressor.eof or decompressor.unused_data:
        raise Refusal(Code.MALFORMED, "a zstd frame that does not end where its chunk ends")
    return plain


def _window(frame: bytes) -> int:
    """Bytes of window that a valid frame header asks for, 0 where the content is its window.

    RFC 8878, 3.1.1.1.2. The library looks at windows only when it needs one, a smaller device always.
    """
    if frame[4] & _SINGLE_SEGMENT:
        return 0
    exponent, mantissa = frame[5] >> 3, frame[5] & 7
    base = 1 << (10 + exponent)
    return base + base // 8 * mantissa
