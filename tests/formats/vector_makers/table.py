"""Vectors of the chunk table: pages held against a manifest, and the stored forms of chunks."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

from appliance.trust.pages import verify_page
from media_format import limits
from media_format.objects import Chunk, ChunkPage, Codec, Component, ComponentKind, Manifest, PageReference
from media_format.payload import zstd
from media_format.refusal import Code
from tests.formats.vector_makers import keys
from tests.formats.vector_makers.files import Folder
from tests.formats.vector_makers.objects import MANIFEST

_RAW = Chunk(Codec.RAW, keys.drawn("raw"), 4096, keys.drawn("raw"))
_PACKED = Chunk(Codec.ZSTD, keys.drawn("packed"), 77, keys.drawn("stored"))
_LAST = Chunk(Codec.RAW, keys.drawn("last"), 100, keys.drawn("last"))
_SIZE = 3 * 4096 + 100
_PAGE = ChunkPage(
    component=0,
    first=0,
    stored_offset=0,
    chunks=(_RAW, _PACKED, Chunk(Codec.SAME, _RAW.digest, source=0), _LAST),
)


def _manifest(*pages: ChunkPage, kind: ComponentKind = ComponentKind.IMAGE, size: int = _SIZE) -> Manifest:
    """The manifest of one component with these pages."""
    encoded = [page.to_bytes() for page in pages]
    component = Component(
        name="image", kind=kind, slot="rootfs", offset=0, size=size, chunk_size=4096, digest=bytes(32)
    )
    return dataclasses.replace(
        MANIFEST,
        components=(component,),
        pages=tuple(
            PageReference(digest=hashlib.sha256(page).digest(), length=len(page)) for page in encoded
        ),
        stored_size=sum(page.stored_length for page in pages),
        optional=(),
    )


def _page(*chunks: Chunk, **changes: Any) -> ChunkPage:
    return dataclasses.replace(_PAGE, chunks=chunks or _PAGE.chunks, **changes)


def _add(folder: Folder, name: str, manifest: Manifest, number: int, data: bytes, code: Code | None) -> None:
    fields: dict[str, Any] = {"manifest": manifest.to_bytes().hex(), "page": number}
    if code is None:
        verified = verify_page(manifest, number, data)
        fields["offsets"] = list(verified.offsets)[:8]
        fields["end"] = verified.end
    if len(data) > 4096:
        fields["file"] = folder.file(f"{name.replace(' ', '-')}.cbor", data)
    else:
        fields["data"] = data.hex()
    folder.add(name, code, **fields)


def make(root: Path) -> None:
    _pages(Folder(root, "pages"))
    _stored(Folder(root, "chunks"))


def _pages(folder: Folder) -> None:
    good = _manifest(_PAGE)
    _add(folder, "a page of every codec that stores something", good, 0, _PAGE.to_bytes(), None)
    zeros = tuple(Chunk(Codec.ZERO, hashlib.sha256(bytes(4096)).digest()) for _ in range(limits.PAGE_CHUNKS))
    full = ChunkPage(component=0, first=0, stored_offset=0, chunks=zeros)
    rest = ChunkPage(component=0, first=limits.PAGE_CHUNKS, stored_offset=0, chunks=(_LAST,))
    two = _manifest(full, rest, size=limits.PAGE_CHUNKS * 4096 + 100)
    _add(folder, "a full page", two, 0, full.to_bytes(), None)
    _add(folder, "a second page", two, 1, rest.to_bytes(), None)
    changed = bytearray(_PAGE.to_bytes())
    changed[-1] ^= 1
    _add(folder, "a changed page", good, 0, bytes(changed), Code.DIGEST_MISMATCH)
    _add(folder, "a page cut short", good, 0, _PAGE.to_bytes()[:-1], Code.DIGEST_MISMATCH)
    _add(folder, "a page in another's place", two, 0, rest.to_bytes(), Code.DIGEST_MISMATCH)
    same, zero = Codec.SAME, Chunk(Codec.ZERO, keys.drawn("zero"))
    for name, page in (
        ("a page of another component", _page(component=1)),
        ("a page that begins elsewhere", _page(first=1)),
        ("a first page whose stored data begins elsewhere", _page(stored_offset=1)),
        ("a page with a chunk too few", _page(*_PAGE.chunks[:3])),
        (
            "a raw chunk of another length",
            _page(dataclasses.replace(_RAW, stored_length=4095), *_PAGE.chunks[1:]),
        ),
        (
            "a chunk that is stored in more than it holds",
            _page(_RAW, dataclasses.replace(_PACKED, stored_length=4097), *_PAGE.chunks[2:]),
        ),
        ("a repeat of a later chunk", _page(Chunk(same, _PACKED.digest, source=1), *_PAGE.chunks[1:])),
        ("a repeat of itself", _page(_RAW, _PACKED, Chunk(same, _RAW.digest, source=2), _LAST)),
        ("a repeat with another digest", _page(_RAW, _PACKED, Chunk(same, _PACKED.digest, source=0), _LAST)),
        (
            "a repeat of a chunk that stores nothing",
            _page(zero, _PACKED, Chunk(same, zero.digest, source=0), _LAST),
        ),
        (
            "a repeat of a chunk of another length",
            _page(_RAW, _PACKED, _RAW, Chunk(same, _RAW.digest, source=0)),
        ),
    ):
        _add(folder, name, _manifest(page), 0, page.to_bytes(), Code.MALFORMED)
    hook = _manifest(_PAGE, kind=ComponentKind.HOOK)
    _add(folder, "a repeat in a hook", hook, 0, _PAGE.to_bytes(), Code.MALFORMED)
    longer = dataclasses.replace(good, stored_size=good.stored_size + 1)
    _add(folder, "stored data that ends too early", longer, 0, _PAGE.to_bytes(), Code.MALFORMED)
    folder.write()


def _stored(folder: Folder) -> None:
    plain = (b"firmware " * 500)[:4096]
    frame = zstd.compress(plain, 3)
    # Magic number, no flags, a window of 4 KiB, one last raw block (RFC 8878, 3.1.1).
    unsized = bytes.fromhex("28b52ffd0010") + (len(plain) << 3 | 1).to_bytes(3, "little") + plain
    bomb = zstd.compress(bytes(1 << 24), 3)
    for name, codec, stored, length, code in (
        ("a raw chunk", Codec.RAW, plain[:100], 100, None),
        ("a compressed chunk", Codec.ZSTD, frame, 4096, None),
        ("a chunk of zeros", Codec.ZERO, b"", 4096, None),
        ("a raw chunk that is short", Codec.RAW, plain[:99], 100, Code.MALFORMED),
        ("a chunk of zeros with something stored", Codec.ZERO, b"\0", 4096, Code.MALFORMED),
        ("a frame without its size", Codec.ZSTD, unsized, 4096, Code.MALFORMED),
        ("a frame of another size", Codec.ZSTD, frame, 4097, Code.MALFORMED),
        ("a frame of more than its chunk", Codec.ZSTD, frame, 4095, Code.TOO_LARGE),
        ("a frame of 16 MiB in a chunk of 4 KiB", Codec.ZSTD, bomb, 4096, Code.TOO_LARGE),
        ("a frame cut short", Codec.ZSTD, frame[:-1], 4096, Code.MALFORMED),
        ("bytes after the frame", Codec.ZSTD, frame + b"\0", 4096, Code.MALFORMED),
        ("two frames", Codec.ZSTD, frame + frame, 4096, Code.MALFORMED),
        ("no frame", Codec.ZSTD, plain[:100], 4096, Code.MALFORMED),
        ("a frame that is only skipped", Codec.ZSTD, b"\x50\x2a\x4d\x18\0\0\0\0", 4096, Code.MALFORMED),
    ):
        fields = {} if code else {"sha256": hashlib.sha256(_plain(codec, plain, length)).hexdigest()}
        folder.add(name, code, codec=int(codec), stored=stored.hex(), length=length, **fields)
    folder.write()


def _plain(codec: Codec, plain: bytes, length: int) -> bytes:
    return bytes(length) if codec is Codec.ZERO else plain[:length]
