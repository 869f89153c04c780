"""Building a release's chunk table and payload from the vendor's images.

Each image is read twice: the first time to learn every chunk's digests and stored length, the second
time to seal the stored chunks as they are made. Sizes must be known before a file on a medium is
begun, and nothing may wait on a disk unsealed, so the alternative would be to keep it in memory.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from media_format import limits
from media_format.errors import MachineFault, Misuse
from media_format.objects import Chunk, ChunkPage, Codec, Component, ComponentKind, PageReference
from media_format.payload.chunks import DEFAULT_LEVEL, encode_chunk
from media_format.progress import Progress, Report

_REMEMBERED: Final = 65536
"""Distinct chunks that a later one may repeat; keeps memory constant for images of any size."""


@dataclass(frozen=True, slots=True)
class ComponentSource:
    """An image file and the slot it is for."""

    slot: str
    path: Path
    name: str
    kind: ComponentKind = ComponentKind.IMAGE


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk's entry in the table, and what the payload holds for it."""

    entry: Chunk
    stored: bytes


class Table:
    """The chunk table while it is built: pages in a temporary file, their references in memory.

    The table holds digests and lengths, nothing secret.
    """

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed by `close`
        self.references: list[PageReference] = []

    def add(self, page: ChunkPage) -> None:
        """Append a page."""
        data = page.to_bytes()
        self._file.write(data)
        self.references.append(PageReference(digest=hashlib.sha256(data).digest(), length=len(data)))

    @property
    def size(self) -> int:
        """Bytes of all pages."""
        return sum(reference.length for reference in self.references)

    def pages(self) -> Iterator[bytes]:
        """The encoded pages, from the first."""
        self._file.seek(0)
        for reference in self.references:
            yield self._file.read(reference.length)

    def close(self) -> None:
        """Forget the table."""
        self._file.close()


@dataclass(frozen=True, slots=True)
class Contents:
    """What the first reading found."""

    components: tuple[Component, ...]
    table: Table
    stored_size: int


def measure(sources: tuple[ComponentSource, ...], chunk_size: int, folder: Path, report: Report) -> Contents:
    """Read the images for the first time. `folder` holds the temporary table."""
    total = sum(size_of(source) for source in sources)
    table = Table(folder)
    try:
        return _measure(sources, chunk_size, table, total, report)
    except BaseException:
        table.close()
        raise


def _measure(
    sources: tuple[ComponentSource, ...], chunk_size: int, table: Table, total: int, report: Report
) -> Contents:
    done = stored_size = 0
    components = []
    for place, source in enumerate(sources):
        digest = hashlib.sha256()
        waiting: list[Chunk] = []
        first, page_offset = 0, stored_size
        for plain, chunk in _chunks(source, chunk_size):
            digest.update(plain)
            waiting.append(chunk.entry)
            stored_size += len(chunk.stored)
            done += len(plain)
            report(Progress("measure", done, total))
            if len(waiting) == limits.PAGE_CHUNKS:
                table.add(
                    ChunkPage(component=place, first=first, stored_offset=page_offset, chunks=tuple(waiting))
                )
                first, page_offset, waiting = first + len(waiting), stored_size, []
        if waiting:
            table.add(
                ChunkPage(component=place, first=first, stored_offset=page_offset, chunks=tuple(waiting))
            )
        components.append(_component(source, chunk_size, digest.digest()))
    return Contents(tuple(components), table, stored_size)


def stored_chunks(sources: tuple[ComponentSource, ...], contents: Contents) -> Iterator[bytes]:
    """Read the images for the second time: the stored form of every chunk that has one.

    MachineFault when an image has changed since the first reading, or its chunks do not compress to the same
    bytes as they did.
    """
    expected = (chunk for page in contents.table.pages() for chunk in ChunkPage.from_bytes(page).chunks)
    for source, component in zip(sources, contents.components, strict=True):
        for _, chunk in _chunks(source, component.chunk_size):
            wanted = next(expected, None)
            if wanted is not None and chunk.entry != wanted and chunk.entry.digest == wanted.digest:
                raise MachineFault(
                    f"the zstd of this machine compresses {source.path} in another way than the one that"
                    " made the release; seal it on that machine, or release it anew"
                )
            if chunk.entry != wanted:
                raise MachineFault(f"{source.path} changed while it was read; nothing was released")
            if chunk.stored:
                yield chunk.stored


def _component(source: ComponentSource, chunk_size: int, digest: bytes) -> Component:
    return Component(
        name=source.name,
        kind=source.kind,
        slot=source.slot,
        offset=0,
        size=size_of(source),
        chunk_size=chunk_size,
        digest=digest,
    )


def _chunks(source: ComponentSource, chunk_size: int) -> Iterator[tuple[bytes, StoredChunk]]:
    seen: OrderedDict[bytes, int] = OrderedDict()
    try:
        with source.path.open("rb") as image:
            number = 0
            while plain := image.read(chunk_size):
                yield plain, _stored(plain, number, seen, repeats=source.kind is not ComponentKind.HOOK)
                number += 1
    except OSError as error:
        raise Misuse(f"{source.path} cannot be read: {error.strerror}") from None


def _stored(plain: bytes, number: int, seen: OrderedDict[bytes, int], *, repeats: bool) -> StoredChunk:
    digest = hashlib.sha256(plain).digest()
    if repeats and digest in seen:
        return StoredChunk(Chunk(Codec.SAME, digest, source=seen[digest]), b"")
    codec, stored = encode_chunk(plain, DEFAULT_LEVEL)
    if codec is Codec.ZERO:
        return StoredChunk(Chunk(Codec.ZERO, digest), b"")
    seen[digest] = number
    if len(seen) > _REMEMBERED:
        seen.popitem(last=False)
    stored_digest = digest if codec is Codec.RAW else hashlib.sha256(stored).digest()
    return StoredChunk(Chunk(codec, digest, len(stored), stored_digest), stored)


def size_of(source: ComponentSource) -> int:
    """Bytes of an image, which may be a block device. Misuse where it cannot be read, or is empty."""
    try:
        size = source.path.stat().st_size if source.path.is_file() else _device_size(source.path)
    except OSError as error:
        raise Misuse(f"{source.path} cannot be read: {error.strerror}") from None
    if size == 0:
        raise Misuse(f"{source.path} is empty; a component has at least one byte")
    return size


def _device_size(path: Path) -> int:
    with path.open("rb") as device:
        return device.seek(0, 2)
