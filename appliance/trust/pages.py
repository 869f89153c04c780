"""Pages of the chunk table, held against the manifest that lists them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import accumulate

from media_format import limits
from media_format.errors import Misuse
from media_format.objects import Chunk, ChunkPage, Codec, Component, ComponentKind, Manifest
from media_format.refusal import Code, Refusal
from media_format.wire import malformed


@dataclass(frozen=True, slots=True)
class VerifiedPage:
    """A page whose digest and contents fit the manifest. Made by `verify_page` only.

    `first` is the number of the page's first chunk within `component`; `offsets` say for each chunk where its
    stored form begins in the whole release's stored data (for one that stores nothing: where it would).
    """

    number: int
    component: Component
    first: int
    chunks: tuple[Chunk, ...]
    offsets: tuple[int, ...]
    end: int
    """Where the next page's stored data begins."""


def verify_page(manifest: Manifest, number: int, data: bytes) -> VerifiedPage:
    """Check page `number` as read from the medium.

    Raises Refusal(digest-mismatch) where it is not the page that the manifest lists, Refusal(malformed) where
    its contents contradict the manifest. Misuse for a number the manifest has not. That a page's stored data
    begins where the page before ends, and that a chunk repeated from an earlier page is stored there, shows
    when both pages are at hand: whoever reads them in order compares `end` with the next `offsets`.
    """
    if not 0 <= number < len(manifest.pages):
        raise Misuse(f"the chunk table has no page {number}")
    reference = manifest.pages[number]
    if len(data) != reference.length or hashlib.sha256(data).digest() != reference.digest:
        raise Refusal(Code.DIGEST_MISMATCH, f"page {number} of the chunk table is not the one signed")
    page = ChunkPage.from_bytes(data)
    path = f"{ChunkPage.NAME} {number}"
    place, first = _place(manifest, number)
    component = manifest.components[place]
    count = min(limits.PAGE_CHUNKS, component.chunks - first)
    if (page.component, page.first, len(page.chunks)) != (place, first, count):
        raise malformed(path, "not the chunks that the manifest has there")
    for offset, chunk in enumerate(page.chunks):
        _check_chunk(chunk, first + offset, component, page, path)
    ends = tuple(accumulate((chunk.stored_length for chunk in page.chunks), initial=page.stored_offset))
    if number == 0 and page.stored_offset != 0:
        raise malformed(path, "the stored data does not begin at 0")
    last = number == len(manifest.pages) - 1
    if ends[-1] > manifest.stored_size or (last and ends[-1] != manifest.stored_size):
        raise malformed(path, "the stored data does not end where the manifest says")
    return VerifiedPage(number, component, first, page.chunks, ends[:-1], ends[-1])


def _place(manifest: Manifest, number: int) -> tuple[int, int]:
    """The component that a page belongs to, and the number of the page's first chunk in it."""
    before = 0
    for place, component in enumerate(manifest.components):
        if number < before + component.pages:
            return place, (number - before) * limits.PAGE_CHUNKS
        before += component.pages
    raise malformed(Manifest.NAME, "the number of pages does not fit the components")


def _check_chunk(chunk: Chunk, number: int, component: Component, page: ChunkPage, path: str) -> None:
    length = component.chunk_length(number)
    if chunk.stored_length > length or (chunk.codec is Codec.RAW and chunk.stored_length != length):
        raise malformed(path, f"chunk {number} is stored in {chunk.stored_length} bytes, but has {length}")
    if chunk.codec is not Codec.SAME:
        return
    if component.kind is ComponentKind.HOOK:
        raise malformed(path, f"chunk {number} of a hook repeats another")
    if chunk.source is None or chunk.source >= number:
        raise malformed(path, f"chunk {number} repeats one that does not come before it")
    if component.chunk_length(chunk.source) != length:
        raise malformed(path, f"chunk {number} repeats one of another length")
    if chunk.source >= page.first:
        source = page.chunks[chunk.source - page.first]
        if source.codec not in (Codec.RAW, Codec.ZSTD) or source.digest != chunk.digest:
            raise malformed(path, f"chunk {number} repeats one that is not stored, or not equal")
