"""Which chunks a payload holds, against the plain meaning of runs; and the index that finds chunks."""

from __future__ import annotations

import hashlib
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from media_format.objects import Chunk, Codec, Present, Run
from media_format.payload.chunk_index import ChunkIndex
from media_format.payload.presence import Presence, stored_offsets

_FLAGS = st.lists(st.booleans(), max_size=60)
_PLACES = st.integers(0, 70)


def presence(flags: list[bool]) -> Presence:
    """A payload that holds the chunks whose flag is set."""
    padded = [False, *flags, False]
    edges = [place for place, (one, two) in enumerate(pairwise(padded)) if one != two]
    runs = [Run(first=first, count=end - first) for first, end in zip(edges[::2], edges[1::2], strict=True)]
    return Presence(Present(runs=tuple(runs), page_offsets=(0,), base=bytes(32)))


@given(_FLAGS, _PLACES, _PLACES)
def test_a_chunk_is_there_where_a_run_holds_it(flags: list[bool], first: int, count: int) -> None:
    expected = (flags + [False] * 140)[first : first + count]
    assert presence(flags).of(first, count) == bytes(expected)


@given(_FLAGS, _PLACES, st.integers(1, 70))
def test_chunks_are_all_there_where_one_run_holds_them(flags: list[bool], first: int, count: int) -> None:
    assert presence(flags).holds(first, count) == all((flags + [False] * 140)[first : first + count])


def test_without_runs_every_chunk_is_there() -> None:
    assert Presence(None).of(5, 3) == b"\1\1\1"
    assert Presence(None).holds(0, 2**62)


def test_runs_that_reach_far_past_the_release_cost_nothing() -> None:
    far = Presence(Present(runs=(Run(first=2, count=2**62),), page_offsets=(0,), base=bytes(32)))
    assert far.of(0, 4) == b"\0\0\1\1"


def test_what_is_absent_takes_no_room_in_the_payload() -> None:
    chunks = [Chunk(Codec.RAW, bytes(32), length, bytes(32)) for length in (10, 20, 30)]
    assert stored_offsets(chunks, b"\1\0\1", 100) == (100, 110, 110, 140)


@given(st.lists(st.integers(0, 20), max_size=50), st.integers(0, 20))
def test_the_index_finds_the_first_chunk_with_a_digest(contents: list[int], wanted: int) -> None:
    digests = [hashlib.sha256(bytes([content])).digest() for content in contents]
    found = ChunkIndex(digests).find(hashlib.sha256(bytes([wanted])).digest())
    assert found == (contents.index(wanted) if wanted in contents else None)
