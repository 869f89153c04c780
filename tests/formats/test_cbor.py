"""CBOR against cbor2 as an oracle: the same bytes for every value, and nothing accepted that has others."""

from __future__ import annotations

import tracemalloc
from collections.abc import Mapping
from typing import Any

import cbor2
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from media_format import cbor
from media_format.refusal import Code, Refusal
from tests.formats import strategies

LIMIT = 1 << 20


def their_encoding(value: Any) -> bytes:
    """The deterministic encoding, every head and leaf by cbor2 (which sorts keys by an older rule)."""
    match value:
        case dict():
            pairs = sorted((their_encoding(key), their_encoding(item)) for key, item in value.items())
            return _head(0xA0, len(pairs)) + b"".join(key + item for key, item in pairs)
        case list():
            return _head(0x80, len(value)) + b"".join(map(their_encoding, value))
        case cbor.Tag():
            return _head(0xC0, value.number) + their_encoding(value.value)
        case int() if not isinstance(value, bool) and value < 0:
            return _head(0x20, -1 - value)
    return cbor2.dumps(value)


def _head(major: int, argument: int) -> bytes:
    head = cbor2.dumps(argument)
    return bytes([head[0] | major]) + head[1:]


def plain(value: Any) -> Any:
    """What cbor2 decoded, in lists and dicts."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def accepted(data: bytes) -> tuple[bool, cbor.Value]:
    """Whether data is read, and as what; anything but a refusal fails the test."""
    try:
        return True, cbor.decode(data, LIMIT, "test")
    except Refusal as refusal:
        assert refusal.code in (Code.MALFORMED, Code.TOO_LARGE)
        return False, None


@given(strategies.values)
def test_every_value_has_the_bytes_that_cbor2_gives_its_parts(value: cbor.Value) -> None:
    assert cbor.encode(value) == their_encoding(value)
    assert cbor.decode(cbor.encode(value), LIMIT, "test") == value


@given(strategies.values, st.data())
def test_whatever_is_read_has_no_other_encoding(value: cbor.Value, data: st.DataObject) -> None:
    changed = bytearray(cbor.encode(value))
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    read, found = accepted(bytes(changed))
    if read:
        assert cbor.encode(found) == bytes(changed)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    read, found = accepted(data)
    if read:
        assert cbor.encode(found) == data


@given(strategies.values)
def test_cbor2_reads_the_same_value(value: cbor.Value) -> None:
    data = cbor.encode(value)
    assume(not _has_tag(value))  # cbor2 gives tags meanings of their own
    assert plain(cbor2.loads(data)) == value


def _has_tag(value: cbor.Value) -> bool:
    if isinstance(value, cbor.Tag):
        return True
    if isinstance(value, dict):
        return any(map(_has_tag, value.values()))
    return isinstance(value, list) and any(map(_has_tag, value))


@pytest.mark.parametrize("value", [1.5, object(), {1, 2}, bytearray(b"x"), [1.5], {"a": 1.5}])
def test_what_the_format_does_not_use_is_not_written(value: Any) -> None:
    with pytest.raises(TypeError):
        cbor.encode(value)


def test_a_number_of_more_than_64_bits_is_not_written() -> None:
    for number in (2**64, -(2**64) - 1):
        with pytest.raises(TypeError):
            cbor.encode(number)


def test_input_above_its_limit_is_too_large_whatever_it_is() -> None:
    with pytest.raises(Refusal) as caught:
        cbor.decode(b"\xff" * 11, 10, "test")
    assert caught.value.code is Code.TOO_LARGE


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x9a\x00\x0f\xff\xf0" + b"\x80" * 0xFFFF0, id="a million empty arrays"),
        pytest.param(b"\x9a\x00\x07\xff\xf8" + b"\xa1\x00\x00" * 0x55550, id="maps of one entry"),
        pytest.param(b"\x9b" + b"\x7f" * 8, id="an array of 2^63 items"),
        pytest.param(b"\x5b" + b"\x7f" * 8, id="a byte string of 2^63 bytes"),
    ],
)
def test_memory_stays_bounded_by_the_limits_and_not_by_what_is_claimed(data: bytes) -> None:
    tracemalloc.start()
    try:
        assert not accepted(data)[0]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 << 20
