"""The stored form of chunks: what is chosen, what comes back, and frames that must not be taken."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_format import limits
from media_format.objects.chunk_table import Codec
from media_format.payload import zstd
from media_format.payload.chunks import DEFAULT_LEVEL, decode_chunk, encode_chunk
from media_format.refusal import Code, Refusal

if sys.version_info >= (3, 14):
    from compression import zstd as library
else:
    from backports import zstd as library

NOISE = bytes((n * n * 2654435761 >> 13) & 0xFF for n in range(4096))
TEXT = b"the same words again and again, " * 512
SKIPPABLE = bytes.fromhex("502a4d18") + (4).to_bytes(4, "little") + b"skip"


def refused(codec: Codec, stored: bytes, length: int) -> Code:
    with pytest.raises(Refusal) as refusal:
        decode_chunk(codec, stored, length)
    return refusal.value.code


@settings(max_examples=150, deadline=None)
@given(
    plaintext=st.binary(max_size=3000)
    | st.builds(lambda piece, times: piece * times, st.binary(min_size=1, max_size=40), st.integers(0, 3000)),
    level=st.sampled_from([-5, 1, DEFAULT_LEVEL, 19, 22]),
)
def test_every_chunk_comes_back(plaintext: bytes, level: int) -> None:
    codec, stored = encode_chunk(plaintext, level)
    assert decode_chunk(codec, stored, len(plaintext)) == plaintext
    assert len(stored) <= len(plaintext)
    if codec is Codec.ZSTD:
        assert len(plaintext) - len(stored) >= len(plaintext) / 32


@pytest.mark.parametrize("size", [1, 64 * limits.KIB, limits.MAX_CHUNK_SIZE])
def test_zeros_store_nothing(size: int) -> None:
    assert encode_chunk(bytes(size)) == (Codec.ZERO, b"")
    assert decode_chunk(Codec.ZERO, b"", size) == bytes(size)


def test_noise_is_stored_as_it_is() -> None:
    noise = zstd.compress(TEXT * 20, 19)
    assert encode_chunk(noise) == (Codec.RAW, noise)


def test_a_chunk_is_zero_only_if_its_last_byte_is() -> None:
    almost = bytes(65535) + b"\x01"
    codec, stored = encode_chunk(almost)
    assert codec is Codec.ZSTD
    assert decode_chunk(codec, stored, 65536) == almost


def test_views_are_taken_like_bytes() -> None:
    assert encode_chunk(memoryview(TEXT)) == encode_chunk(TEXT)


@pytest.mark.parametrize("level", [1, DEFAULT_LEVEL, 22])
def test_the_largest_chunk_opens_at_every_level(level: int) -> None:
    chunk = (TEXT * (limits.MAX_CHUNK_SIZE // len(TEXT)))[: limits.MAX_CHUNK_SIZE]
    codec, stored = encode_chunk(chunk, level)
    assert codec is Codec.ZSTD
    assert decode_chunk(codec, stored, len(chunk)) == chunk


@pytest.mark.parametrize("codec", [Codec.RAW, Codec.ZSTD])
@pytest.mark.parametrize("off", [-1, 1, 1000])
def test_a_chunk_has_exactly_the_length_that_was_signed(codec: Codec, off: int) -> None:
    stored = TEXT if codec is Codec.RAW else zstd.compress(TEXT, 3)
    assert refused(codec, stored, len(TEXT) + off) in (Code.MALFORMED, Code.TOO_LARGE)


def test_a_chunk_of_zeros_has_no_stored_bytes() -> None:
    assert refused(Codec.ZERO, b"\0", 1) is Code.MALFORMED


def test_a_repeat_has_no_stored_form() -> None:
    assert refused(Codec.SAME, b"", 16) is Code.MALFORMED


@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize("length", [-1, limits.MAX_CHUNK_SIZE + 1, 2**31, 2**63])
def test_no_chunk_is_longer_than_any_may_be(codec: Codec, length: int) -> None:
    assert refused(codec, b"", length) is Code.TOO_LARGE


FRAME = zstd.compress(TEXT, 3)


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"not zstd at all", id="no frame"),
        pytest.param(FRAME + b"\0", id="a byte behind"),
        pytest.param(FRAME + FRAME, id="two frames"),
        pytest.param(FRAME + SKIPPABLE, id="a skippable frame behind"),
        pytest.param(SKIPPABLE + FRAME, id="a skippable frame in front"),
        pytest.param(SKIPPABLE, id="a skippable frame alone"),
    ],
)
def test_only_one_whole_frame_is_a_chunk(stored: bytes) -> None:
    assert refused(Codec.ZSTD, stored, len(TEXT)) is Code.MALFORMED


def test_a_frame_cut_anywhere_is_malformed() -> None:
    for place in range(len(FRAME)):
        assert refused(Codec.ZSTD, FRAME[:place], len(TEXT)) is Code.MALFORMED


def options(**given: int) -> dict[int, int]:
    return {int(getattr(library.CompressionParameter, name)): value for name, value in given.items()}


def test_a_frame_that_hides_its_size_is_malformed() -> None:
    hidden = zstd.compress(TEXT, options=options(content_size_flag=0))
    assert zstd.get_frame_info(hidden).decompressed_size is None
    assert refused(Codec.ZSTD, hidden, len(TEXT)) is Code.MALFORMED


def test_a_frame_that_wants_a_dictionary_is_malformed() -> None:
    samples = [TEXT[n:] + NOISE[n : n + 100] for n in range(200)]
    dictionary = library.train_dict(samples, 2000)
    frame = zstd.compress(TEXT, 3, zstd_dict=dictionary)
    assert zstd.get_frame_info(frame).dictionary_id
    assert refused(Codec.ZSTD, frame, len(TEXT)) is Code.MALFORMED


def test_a_bomb_that_names_its_size_is_too_large() -> None:
    bomb = zstd.compress(bytes(64 * limits.MIB), 3)
    assert len(bomb) < 10_000
    assert refused(Codec.ZSTD, bomb, 64 * limits.KIB) is Code.TOO_LARGE


def lying(frame: bytes, claimed: int) -> bytes:
    """A frame of more than 64 KiB with another size in its header (RFC 8878, 3.1.1.1)."""
    single_segment = bool(frame[4] & 0x20)
    place = 5 if single_segment else 6
    assert frame[4] >> 6 == 2, "the size has four bytes"
    return frame[:place] + claimed.to_bytes(4, "little") + frame[place + 4 :]


@pytest.mark.parametrize("claimed", [64 * limits.KIB, 70_000, limits.MAX_CHUNK_SIZE])
def test_a_bomb_that_lies_about_its_size_is_refused(claimed: int) -> None:
    bomb = lying(zstd.compress(b"a" * (64 * limits.MIB), 3), claimed)
    assert zstd.get_frame_info(bomb).decompressed_size == claimed
    assert refused(Codec.ZSTD, bomb, claimed) in (Code.TOO_LARGE, Code.MALFORMED)


def test_a_frame_that_holds_less_than_it_claims_is_malformed() -> None:
    short = lying(zstd.compress(b"a" * 100_000, 3), 100_001)
    assert refused(Codec.ZSTD, short, 100_001) is Code.MALFORMED


def test_a_window_larger_than_the_largest_chunk_is_refused() -> None:
    compressor = library.ZstdCompressor(options=options(window_log=27, content_size_flag=1))
    compressor.set_pledged_input_size(None)
    frame = bytearray(compressor.compress(TEXT) + compressor.flush())
    assert frame[4] >> 6 == 0 and not frame[4] & 0x20, "a window, no size"
    sized = bytes([*frame[:4], frame[4] | 0x80, frame[5], *len(TEXT).to_bytes(4, "little"), *frame[6:]])
    assert zstd.get_frame_info(sized).decompressed_size == len(TEXT)
    assert refused(Codec.ZSTD, sized, len(TEXT)) is Code.TOO_LARGE
    largest = bytes([*sized[:5], (24 - 10) << 3, *sized[6:]])
    assert decode_chunk(Codec.ZSTD, largest, len(TEXT)) == TEXT
    assert (
        refused(Codec.ZSTD, bytes([*sized[:5], (24 - 10) << 3 | 1, *sized[6:]]), len(TEXT)) is Code.TOO_LARGE
    )


@settings(max_examples=300, deadline=None)
@given(
    stored=st.binary(max_size=200) | st.binary(max_size=60).map(lambda tail: FRAME[:9] + tail),
    length=st.sampled_from([0, 1, len(TEXT)]),
)
def test_no_bytes_whatever_raise_anything_but_a_refusal(stored: bytes, length: int) -> None:
    try:
        assert len(decode_chunk(Codec.ZSTD, stored, length)) == length
    except Refusal as refusal:
        assert refusal.code in (Code.MALFORMED, Code.TOO_LARGE)


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, len(FRAME) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_never_gives_another_length(place: int, bit: int) -> None:
    changed = bytearray(FRAME)
    changed[place] ^= 1 << bit
    try:
        assert len(decode_chunk(Codec.ZSTD, bytes(changed), len(TEXT))) == len(TEXT)
    except Refusal as refusal:
        assert refusal.code in (Code.MALFORMED, Code.TOO_LARGE)


BOMB_IN_LITTLE_MEMORY = """
import resource
from media_format.objects.chunk_table import Codec
from media_format.payload.chunks import decode_chunk
from media_format.refusal import Refusal
import sys
bomb = bytes.fromhex(sys.stdin.read())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    decode_chunk(Codec.ZSTD, bomb, 65536)
except Refusal as refusal:
    print(refusal.code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_a_lying_bomb_costs_no_more_memory_than_its_chunk() -> None:
    bomb = lying(zstd.compress(b"a" * (256 * limits.MIB), 1), 65536)
    run = subprocess.run(
        [sys.executable, "-c", BOMB_IN_LITTLE_MEMORY],
        input=bomb.hex(),
        capture_output=True,
        text=True,
        check=True,
    )
    code, grown = run.stdout.split()
    assert code in (Code.TOO_LARGE, Code.MALFORMED)
    page = resource.getpagesize()
    assert int(grown) * 1024 < limits.MAX_CHUNK_SIZE + 64 * page
