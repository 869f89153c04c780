"""The chunk table: what each chunk is and how it is stored, in pages that fit a small memory.

CHUNKS.CBR is a CBOR sequence (RFC 8742) of pages; the manifest lists each page's length and digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from media_format import cbor, limits
from media_format.wire import DIGEST, Many, Number, Record, Uint, key, malformed, record


class Codec(IntEnum):
    """How a chunk is stored in the payload."""

    RAW = 0
    """As it is."""
    ZSTD = 1
    """One zstd frame (RFC 8878)."""
    ZERO = 2
    """Nothing is stored: all bytes are zero."""
    SAME = 3
    """Nothing is stored: equal to an earlier chunk of the component, itself stored raw or as zstd."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk. `digest` is over the plaintext.

    `stored_digest` is over the stored form, None where nothing is stored;
    `source` is the chunk number that a repeat points at.
    """

    codec: Codec
    digest: bytes
    stored_length: int = 0
    stored_digest: bytes | None = None
    source: int | None = None


class ChunkShape:
    """A chunk travels as an array: [codec, digest], then what its codec needs.

    RAW adds the stored length (its stored digest is the digest itself), ZSTD the stored length and the
    stored digest, SAME the chunk number it repeats.
    """

    def encode(self, value: Chunk) -> cbor.Value:
        head: list[cbor.Value] = [int(value.codec), value.digest]
        match value.codec:
            case Codec.RAW:
                return [*head, value.stored_length]
            case Codec.ZSTD:
                return [*head, value.stored_length, value.stored_digest]
            case Codec.SAME:
                return [*head, value.source]
            case Codec.ZERO:
                return head

    def decode(self, value: cbor.Value, path: str) -> Chunk:
        if isinstance(value, str | bytes) or not isinstance(value, Sequence) or len(value) < 2:
            raise malformed(path, "must be an array that begins with codec and digest")
        codec, digest = Number(Codec).decode(value[0], path), DIGEST.decode(value[1], path)
        stored = Uint(1, limits.MAX_CHUNK_SIZE)
        match codec, len(value):
            case Codec.RAW, 3:
                return Chunk(Codec.RAW, digest, stored.decode(value[2], path), digest)
            case Codec.ZSTD, 4:
                stored_digest = DIGEST.decode(value[3], path)
                return Chunk(Codec.ZSTD, digest, stored.decode(value[2], path), stored_digest)
            case Codec.ZERO, 2:
                return Chunk(Codec.ZERO, digest)
            case Codec.SAME, 3:
                return Chunk(Codec.SAME, digest, source=Uint().decode(value[2], path))
        raise malformed(path, f"not what the codec {codec.name.lower()} needs")


@record
class ChunkPage(Record):
    """One page: chunks of one component in order.

    `component` counts the manifest's components from 0, `first` is the number of the page's first
    chunk in it, `stored_offset` where in the whole release's stored data the page's first stored
    chunk begins.
    """

    NAME: ClassVar[str] = "chunk table page"
    LIMIT: ClassVar[int] = limits.MAX_PAGE_BYTES

    component: int = key(1, Uint(0, limits.MAX_COMPONENTS - 1))
    first: int = key(2, Uint())
    stored_offset: int = key(3, Uint())
    chunks: tuple[Chunk, ...] = key(4, Many(ChunkShape(), limits.PAGE_CHUNKS, 1))

    @property
    def stored_length(self) -> int:
        """Bytes that the page's chunks take in the payload."""
        return sum(chunk.stored_length for chunk in self.chunks)
