"""Pages of the chunk table: what a signed manifest lists, and nothing that contradicts it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from appliance.trust.pages import verify_page
from media_format.errors import Misuse
from media_format.objects import Chunk, ChunkPage, Codec, ComponentKind
from media_format.refusal import Code
from tests.trust_world import CHUNK, make_component, make_manifest, make_pages, refused

A, B, Z = (bytes([byte]) * 32 for byte in b"ABZ")
RAW = Chunk(Codec.RAW, A, CHUNK, A)
ZSTD = Chunk(Codec.ZSTD, B, 10, B)
ZERO = Chunk(Codec.ZERO, Z)
HOOK = ComponentKind.HOOK


def same(source: int, digest: bytes = A) -> Chunk:
    return Chunk(Codec.SAME, digest, source=source)


def test_pages_say_where_every_chunk_is_stored() -> None:
    manifest = make_manifest()
    first, second = (verify_page(manifest, number, data) for number, data in enumerate(make_pages()))
    assert (first.component.name, first.first, first.offsets, first.end) == (
        "image",
        0,
        (0, CHUNK, CHUNK),
        CHUNK + 10,
    )
    assert (second.component.name, second.offsets, second.end) == ("hook", (CHUNK + 10,), CHUNK + 10)


def test_a_long_component_goes_on_from_page_to_page() -> None:
    pages = [
        ChunkPage(component=0, first=0, stored_offset=0, chunks=(RAW, *[ZERO] * 1023)).to_bytes(),
        ChunkPage(component=0, first=1024, stored_offset=CHUNK, chunks=(same(0),)).to_bytes(),
    ]
    manifest = make_manifest(
        pages, components=(make_component(size=1025 * CHUNK),), stored_size=CHUNK, security_floor=0
    )
    assert verify_page(manifest, 1, pages[1]).first == 1024
    with refused(Code.DIGEST_MISMATCH):
        verify_page(manifest, 1, pages[0])


def test_any_flipped_byte_of_the_table_is_a_digest_mismatch() -> None:
    manifest = make_manifest()
    for number, data in enumerate(make_pages()):
        for position in range(len(data)):
            with refused(Code.DIGEST_MISMATCH):
                verify_page(
                    manifest, number, data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
                )


def test_a_page_of_another_length_is_a_digest_mismatch() -> None:
    for data in (b"", make_pages()[0][:-1], make_pages()[0] + b"\0", make_pages()[1]):
        with refused(Code.DIGEST_MISMATCH):
            verify_page(make_manifest(), 0, data)


def test_a_page_that_does_not_exist_is_misuse() -> None:
    for number in (-1, 2):
        with pytest.raises(Misuse):
            verify_page(make_manifest(), number, b"")


def page(chunks: Sequence[Chunk], component: int = 0, first: int = 0, stored_offset: int = 0) -> ChunkPage:
    return ChunkPage(component=component, first=first, stored_offset=stored_offset, chunks=tuple(chunks))


@pytest.mark.parametrize(
    "listed",
    [
        page([RAW, RAW, ZERO], component=1),
        page([RAW, RAW, ZERO], first=1),
        page([RAW, RAW]),
        page([RAW, RAW, ZERO, ZERO]),
        page([RAW, RAW, ZERO], stored_offset=1),
        page([RAW, ZERO, ZERO]),
        page([RAW, RAW, ZSTD]),
        page([Chunk(Codec.RAW, A, CHUNK - 1, A), RAW, ZERO]),
        page([Chunk(Codec.ZSTD, A, CHUNK + 1, A), RAW, ZERO]),
        page([same(0), RAW, RAW]),
        page([RAW, same(2), RAW]),
        page([RAW, same(0), same(1)]),
        page([RAW, RAW, same(0)]),
        page([RAW, same(0, digest=B), ZSTD]),
    ],
    ids=[
        "another component",
        "another first chunk",
        "too few chunks",
        "too many chunks",
        "begins behind 0",
        "ends too early",
        "ends too late",
        "raw but short",
        "stored longer than it is",
        "repeats itself",
        "repeats forward",
        "repeats a repeat",
        "repeats one of another length",
        "repeats one that is not equal",
    ],
)
def test_a_signed_page_that_contradicts_the_manifest_is_malformed(listed: ChunkPage) -> None:
    data = listed.to_bytes()
    component = make_component(size=3 * CHUNK - 100)
    manifest = make_manifest([data], components=(component,), stored_size=2 * CHUNK)
    with refused(Code.MALFORMED):
        verify_page(manifest, 0, data)


def test_chunks_of_a_hook_never_repeat() -> None:
    data = page([RAW, same(0)]).to_bytes()
    manifest = make_manifest(
        [data], components=(make_component(size=2 * CHUNK, kind=HOOK),), stored_size=CHUNK
    )
    with refused(Code.MALFORMED):
        verify_page(manifest, 0, data)
    image = make_manifest([data], components=(make_component(size=2 * CHUNK),), stored_size=CHUNK)
    verify_page(image, 0, data)
