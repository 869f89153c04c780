"""Cobblestone-256: the vectors of C2SP, random access, and everything that must not open."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import cryptography_vectors
import pytest
from cryptography.hazmat.primitives import hashes
from hypothesis import example, given, settings
from hypothesis import strategies as st

from media_format.errors import Misuse
from media_format.payload.cobblestone import (
    BLOCK,
    COMMITMENT,
    HEADER,
    SALT,
    TAG,
    Opener,
    RandomAccess,
    Sealer,
    ciphertext_length,
    plaintext_length,
)
from media_format.refusal import Code, Refusal

KEY = bytes(range(32))
CONTEXT = b"package and release"
SEALED_BLOCK = BLOCK + TAG


def pattern(size: int) -> bytes:
    """Bytes of which no two blocks are alike."""
    return hashlib.shake_256(b"payload").digest(size)


def seal(plaintext: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> bytes:
    sealer = Sealer(key, context)
    return sealer.update(plaintext) + sealer.finalize()


def open_in_sequence(message: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> bytes:
    opener = Opener(key, context)
    return opener.update(message) + opener.finalize()


def at_random(message: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> RandomAccess:
    return RandomAccess(key, context, len(message), lambda at, size: message[at : at + size])


def open_at_random(message: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> bytes:
    payload = at_random(message, key, context)
    payload.check_end()
    return payload.read(0, payload.length)


WAYS = pytest.mark.parametrize("opening", [open_in_sequence, open_at_random])
Opening = Callable[..., bytes]


def refused(doing: Callable[..., object], *arguments: Any) -> Code:
    with pytest.raises(Refusal) as refusal:
        doing(*arguments)
    assert refusal.value.code in (Code.DECRYPTION_FAILED, Code.TRUNCATED)
    return refusal.value.code


def vectors(expect: str) -> list[dict[str, Any]]:
    with cryptography_vectors.open_vector_file("chunked-encryption/vectors.json", "r") as file:
        every = json.load(file)["vectors"]
    ours = [vector for vector in every if vector["aead"] == "AEAD_AES_256_GCM"]
    found = [vector for vector in ours if vector["expect"] == expect]
    assert len(found) >= 9, "the vectors are gone"
    return found


def name(vector: dict[str, Any]) -> str:
    return str(vector["name"])


def parts(vector: dict[str, Any]) -> tuple[bytes, bytes, bytes]:
    message = base64.b64decode(vector["ciphertext"] or "")
    if vector.get("compressed"):
        message = zlib.decompress(message)
    return message, bytes.fromhex(vector["key"]), vector["context"].encode()


class ReferenceAccess(RandomAccess):
    """With the hash of the reference implementation's vectors, which are older than Cobblestone's name.

    All the rest is the same: AES-256-GCM, info, commitment, nonces, blocks and lengths.
    """

    _HASH = hashes.SHA256()


def open_reference(message: bytes, key: bytes, context: bytes) -> bytes:
    payload = ReferenceAccess(key, context, len(message), lambda at, size: message[at : at + size])
    payload.check_end()
    return payload.read(0, payload.length)


@pytest.mark.parametrize("vector", vectors("success"), ids=name)
def test_the_vectors_of_the_reference_implementation_open(vector: dict[str, Any]) -> None:
    plaintext = open_reference(*parts(vector))
    assert len(plaintext) == vector["payload_length"]
    assert hashlib.sha256(plaintext).hexdigest() == vector["payload_sha256"]


@pytest.mark.parametrize("vector", vectors("failure"), ids=name)
def test_the_vectors_that_must_fail_do(vector: dict[str, Any]) -> None:
    message, key, context = parts(vector)
    if len(key) == len(KEY):
        refused(open_reference, message, key, context)
    else:
        with pytest.raises(Misuse):
            open_reference(message, key, context)


PARTLY_GOOD = [vector for vector in vectors("failure") if vector.get("payload_length")]


@pytest.mark.parametrize("vector", PARTLY_GOOD, ids=name)
def test_the_blocks_before_a_failure_open(vector: dict[str, Any]) -> None:
    message, key, context = parts(vector)
    good = vector["payload_length"]
    # A reader that knows the true length from a signed envelope gets this far with a changed message.
    believed = ciphertext_length(good + 1)
    padded = message.ljust(believed, b"\0")
    payload = ReferenceAccess(key, context, believed, lambda at, size: padded[at : at + size])
    assert hashlib.sha256(payload.read(0, good)).hexdigest() == vector["payload_sha256"]


@pytest.mark.parametrize("vector", vectors("success"), ids=name)
def test_cobblestone_shares_the_framing_of_the_vectors(vector: dict[str, Any]) -> None:
    message, key, context = parts(vector)
    plaintext = open_reference(message, key, context)
    ours = seal(plaintext, key, context)
    assert len(ours) == len(message) == ciphertext_length(len(plaintext))
    assert open_in_sequence(ours, key, context) == open_at_random(ours, key, context) == plaintext
    refused(open_in_sequence, message, key, context)


@pytest.fixture(scope="module")
def longest() -> tuple[RandomAccess, bytes]:
    """The vector of 257 blocks, and what is in it."""
    (vector,) = (vector for vector in vectors("success") if name(vector) == "aes256gcm_257_chunks")
    message, key, context = parts(vector)
    payload = ReferenceAccess(key, context, len(message), lambda at, size: message[at : at + size])
    return payload, open_reference(message, key, context)


@settings(max_examples=100, deadline=None)
@given(offset=st.integers(0, 256 * BLOCK + 1), length=st.integers(0, 3 * BLOCK))
@example(offset=256 * BLOCK, length=1)
@example(offset=256 * BLOCK - 1, length=2)
@example(offset=256 * BLOCK + 1, length=0)
def test_any_part_of_the_longest_vector_opens_at_random(
    longest: tuple[RandomAccess, bytes], offset: int, length: int
) -> None:
    payload, plaintext = longest
    length = min(length, len(plaintext) - offset)
    assert payload.read(offset, length) == plaintext[offset : offset + length]


EDGES = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 3 * BLOCK - 1, 3 * BLOCK]


@pytest.mark.parametrize("size", EDGES)
def test_lengths_follow_the_specification_at_every_edge(size: int) -> None:
    message = seal(pattern(size))
    assert len(message) == ciphertext_length(size) == HEADER + size + (size // BLOCK + 1) * TAG
    assert plaintext_length(len(message)) == size
    assert open_in_sequence(message) == open_at_random(message) == pattern(size)


@given(st.integers(0, 2**38 * BLOCK - 1))
def test_lengths_are_inverse_to_each_other(size: int) -> None:
    assert plaintext_length(ciphertext_length(size)) == size


@given(st.integers(-10, 3 * SEALED_BLOCK + HEADER))
def test_a_length_is_valid_exactly_if_some_message_has_it(length: int) -> None:
    try:
        size = plaintext_length(length)
    except Refusal as refusal:
        assert refusal.code is Code.TRUNCATED
        rest = (length - HEADER) % SEALED_BLOCK
        assert length < HEADER or rest < TAG
    else:
        assert ciphertext_length(size) == length


def test_a_message_has_at_most_two_to_the_38_blocks() -> None:
    longest = ciphertext_length(2**38 * BLOCK - 1)
    assert plaintext_length(longest) == 2**38 * BLOCK - 1
    assert refused(plaintext_length, longest + TAG + 1) is Code.TRUNCATED


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(0, 3 * BLOCK + 5),
    cuts=st.lists(st.integers(0, 3 * BLOCK + 200), max_size=6),
    context=st.binary(max_size=40),
)
def test_pieces_of_any_size_seal_and_open_alike(size: int, cuts: list[int], context: bytes) -> None:
    def pieces(data: bytes) -> Iterator[memoryview]:
        places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
        yield from (memoryview(data)[a:b] for a, b in itertools.pairwise(places))

    sealer, opener = Sealer(KEY, context), Opener(KEY, context)
    message = b"".join([*map(sealer.update, pieces(pattern(size))), sealer.finalize()])
    opened = b"".join([*map(opener.update, pieces(message)), opener.finalize()])
    assert opened == pattern(size)


def test_every_flipped_bit_of_a_small_payload_is_noticed_both_ways() -> None:
    message = seal(b"firmware")
    for bit in range(8 * len(message)):
        changed = bytearray(message)
        changed[bit // 8] ^= 1 << bit % 8
        for opening in (open_in_sequence, open_at_random):
            assert refused(opening, bytes(changed)) is Code.DECRYPTION_FAILED


@WAYS
def test_a_message_cut_anywhere_is_noticed(opening: Opening) -> None:
    message = seal(pattern(BLOCK + 40))
    block_ends = HEADER + SEALED_BLOCK
    places = [*range(HEADER + TAG + 2), *range(block_ends - 2, len(message))]
    for place in places:
        code = refused(opening, message[:place])
        rest = (place - HEADER) % SEALED_BLOCK
        assert code is Code.TRUNCATED or (place >= HEADER and rest >= TAG) or opening is open_in_sequence


@WAYS
def test_an_extended_message_is_noticed(opening: Opening) -> None:
    for size in (0, 40, BLOCK - 1, BLOCK):
        message = seal(pattern(size))
        for tail in (b"\0", bytes(TAG), message[-TAG:], bytes(SEALED_BLOCK), message[HEADER:], message):
            refused(opening, message + tail)


def rearranged(*order: int) -> bytes:
    """A message of three full blocks and an empty one, its blocks in another order."""
    message = seal(pattern(3 * BLOCK))
    blocks = [message[at : at + SEALED_BLOCK] for at in range(HEADER, len(message), SEALED_BLOCK)]
    return message[:HEADER] + b"".join(blocks[number] for number in order)


@WAYS
@pytest.mark.parametrize(
    "order",
    [
        (1, 0, 2, 3),
        (0, 2, 1, 3),
        (0, 0, 1, 2, 3),
        (0, 1, 1, 3),
        (0, 1, 3),
        (0, 2, 3),
        (1, 2, 3),
        (3,),
        (0, 1, 2),
    ],
)
def test_blocks_that_are_swapped_repeated_or_dropped_are_noticed(
    opening: Opening, order: tuple[int, ...]
) -> None:
    assert opening(rearranged(0, 1, 2, 3)) == pattern(3 * BLOCK)
    refused(opening, rearranged(*order))


@WAYS
def test_blocks_of_another_message_under_the_same_key_are_noticed(opening: Opening) -> None:
    first, second = seal(pattern(2 * BLOCK)), seal(pattern(2 * BLOCK))
    edge = HEADER + SEALED_BLOCK
    refused(opening, first[:edge] + second[edge:])
    refused(opening, first[:HEADER] + second[HEADER:])
    refused(opening, first[:SALT] + second[SALT : SALT + COMMITMENT] + first[HEADER:])


@WAYS
def test_another_key_or_context_opens_nothing(opening: Opening) -> None:
    message = seal(pattern(100))
    assert refused(opening, message, bytes(32), CONTEXT) is Code.DECRYPTION_FAILED
    for context in (b"", CONTEXT[:-1], CONTEXT + b"\0"):
        assert refused(opening, message, KEY, context) is Code.DECRYPTION_FAILED


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_key_of_another_size_is_misuse_even_where_it_would_derive_the_same(size: int) -> None:
    message = seal(b"firmware", bytes(32))
    for attempt in (
        lambda key: Sealer(key, CONTEXT),
        lambda key: Opener(key, CONTEXT),
        lambda key: at_random(message, key),
    ):
        with pytest.raises(Misuse):
            attempt(bytes(size))


@pytest.mark.parametrize("size", [BLOCK, BLOCK + 1, 2 * BLOCK - 1, 2 * BLOCK])
def test_reading_up_to_the_end_authenticates_the_end(size: int) -> None:
    message = seal(pattern(size))
    payload = at_random(message[:-1] + bytes([message[-1] ^ 1]))
    assert payload.read(0, BLOCK - 1) == pattern(BLOCK - 1)
    assert refused(payload.read, size - 1, 1) is Code.DECRYPTION_FAILED


def test_random_access_touches_only_the_blocks_it_needs() -> None:
    message = bytearray(seal(pattern(4 * BLOCK + 9)))
    message[HEADER + 2 * SEALED_BLOCK] ^= 1
    payload = at_random(bytes(message))
    assert payload.read(0, 2 * BLOCK) == pattern(2 * BLOCK)
    assert payload.read(3 * BLOCK, BLOCK) == pattern(4 * BLOCK)[3 * BLOCK :]
    for offset, length in ((2 * BLOCK, 1), (2 * BLOCK - 1, 2), (3 * BLOCK - 1, 1), (0, 4 * BLOCK)):
        assert refused(payload.read, offset, length) is Code.DECRYPTION_FAILED
    assert payload.read(BLOCK, BLOCK) == pattern(2 * BLOCK)[BLOCK:]


def test_a_shortened_message_shows_where_its_end_is_touched() -> None:
    payload = at_random(seal(pattern(2 * BLOCK + 50))[:-10])
    assert payload.read(0, 2 * BLOCK) == pattern(2 * BLOCK)
    assert refused(payload.check_end) is Code.DECRYPTION_FAILED
    assert refused(payload.read, 2 * BLOCK, 1) is Code.DECRYPTION_FAILED


@pytest.mark.parametrize(("offset", "length"), [(0, 101), (100, 1), (101, 0), (-1, 1), (0, -1), (2**70, 1)])
def test_nothing_is_read_outside_of_the_payload(offset: int, length: int) -> None:
    assert refused(at_random(seal(pattern(100))).read, offset, length) is Code.TRUNCATED


def test_reading_on_in_small_steps_reads_and_opens_each_block_once() -> None:
    message, runs = seal(pattern(3 * BLOCK)), []

    def read_run(at: int, size: int) -> bytes:
        runs.append((at, size))
        return message[at : at + size]

    payload = RandomAccess(KEY, CONTEXT, len(message), read_run)
    steps = [payload.read(at, 1000) for at in range(0, 40000, 1000)]
    assert b"".join(steps) == pattern(40000)
    assert runs == [(0, HEADER)] + [(HEADER + n * SEALED_BLOCK, SEALED_BLOCK) for n in range(3)]


def test_a_medium_that_answers_the_second_read_differently_gives_nothing_false() -> None:
    message = seal(pattern(2 * BLOCK))
    answers = [message, message, bytes(len(message)), message]
    payload = RandomAccess(KEY, CONTEXT, len(message), lambda at, size: answers.pop(0)[at : at + size])
    assert payload.read(0, 100) == pattern(100)
    assert refused(payload.read, BLOCK, 100) is Code.DECRYPTION_FAILED
    assert payload.read(50, 50) == pattern(100)[50:]
    assert payload.read(BLOCK, 100) == pattern(BLOCK + 100)[BLOCK:]


def test_the_same_plaintext_never_seals_to_the_same_message() -> None:
    assert seal(b"firmware") != seal(b"firmware")


@pytest.mark.parametrize("ended", ["by finalize", "by a refusal"])
def test_a_message_that_has_ended_takes_no_more(ended: str) -> None:
    sealer, opener = Sealer(KEY, CONTEXT), Opener(KEY, CONTEXT)
    message = sealer.finalize()
    if ended == "by finalize":
        opener.update(message)
        opener.finalize()
    else:
        refused(opener.update, bytes(HEADER + SEALED_BLOCK))
    for again in (sealer.finalize, opener.finalize, lambda: sealer.update(b"x"), lambda: opener.update(b"x")):
        with pytest.raises(Misuse):
            again()
