"""Deterministic CBOR (RFC 8949 section 4.2.1), bounded while it is decoded.

The format uses a small part of CBOR: integers, byte strings, text strings, arrays, maps with integer
or text keys, tags, false, true and null. There is exactly one encoding of each value. The decoder
accepts that encoding and nothing else, checks every length against the bytes that are really there
before it reserves memory, and bounds how deep and how many the values are: a byte of input can become
an object of eighty bytes, so the input's size alone would not bound the memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from media_format.refusal import Code, Refusal

MAX_DEPTH: Final = 16
"""Arrays, maps and tags may stand in one another this deep."""
MAX_ITEMS: Final = 128 * 1024
"""Data items in one encoding, each array, map, tag, key and element counted once."""

_UINT, _NINT, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_FALSE, _TRUE, _NULL = 20, 21, 22


@dataclass(frozen=True, slots=True)
class Tag:
    """A tagged value (RFC 8949 section 3.4)."""

    number: int
    value: Value


Value: TypeAlias = "int | bytes | str | bool | Tag | Sequence[Value] | Mapping[int | str, Value] | None"


def encode(value: Value) -> bytes:
    """The one deterministic encoding of `value`. TypeError for what the format does not use."""
    out = bytearray()
    _encode(value, out)
    return bytes(out)


def _encode(value: Value, out: bytearray) -> None:
    match value:
        case None | bool():
            out.append(0xE0 | (_NULL if value is None else _TRUE if value else _FALSE))
        case int():
            _head(_UINT if value >= 0 else _NINT, value if value >= 0 else -1 - value, out)
        case bytes():
            _head(_BYTES, len(value), out)
            out += value
        case str():
            text = value.encode()
            _head(_TEXT, len(text), out)
            out += text
        case Tag():
            _head(_TAG, value.number, out)
            _encode(value.value, out)
        case Mapping():
            _head(_MAP, len(value), out)
            for key, item in sorted((encode(key), item) for key, item in value.items()):
                out += key
                _encode(item, out)
        case list() | tuple():
            _head(_ARRAY, len(value), out)
            for item in value:
                _encode(item, out)
        case _:
            raise TypeError(f"the format has no encoding for {type(value).__name__}")


def _head(major: int, argument: int, out: bytearray) -> None:
    if argument < 24:
        out.append(major << 5 | argument)
        return
    for additional, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * size):
            out.append(major << 5 | additional)
            out += argument.to_bytes(size, "big")
            return
    raise TypeError("integers of the format have at most 64 bits")


def decode(data: bytes, limit: int, name: str) -> Value:
    """The value that `data` encodes; `name` says in errors what was being read.

    Raises Refusal(too-large) above `limit` bytes and Refusal(malformed) for anything that is not one
    whole, deterministically encoded value of the kinds the format uses.
    """
    if len(data) > limit:
        raise Refusal(Code.TOO_LARGE, f"{name}: {len(data)} bytes, at most {limit} are allowed")
    decoder = _Decoder(data, name)
    value = decoder.value(MAX_DEPTH)
    if decoder.position != len(data):
        raise decoder.malformed("bytes after the end")
    return value


class _Decoder:
    """A cursor over untrusted bytes. Recursion is bounded by the depth it is given."""

    def __init__(self, data: bytes, name: str) -> None:
        self._data = data
        self._name = name
        self._items = 0
        self.position = 0

    def malformed(self, why: str) -> Refusal:
        return Refusal(Code.MALFORMED, f"{self._name}: {why} at byte {self.position}")

    def value(self, depth: int) -> Value:
        self._items += 1
        if self._items > MAX_ITEMS:
            raise Refusal(Code.TOO_LARGE, f"{self._name}: more than {MAX_ITEMS} data items")
        major, argument = self._read_head()
        match major:
            case 0:
                return argument
            case 1:
                return -1 - argument
            case 2:
                return self._take(argument)
            case 3:
                return self._text(argument)
            case 7:
                return self._simple(argument)
        if depth == 0:
            raise self.malformed("nested too deep")
        match major:
            case 4:
                self._expect(argument)
                return [self.value(depth - 1) for _ in range(argument)]
            case 5:
                return self._map(argument, depth - 1)
            case _:
                return Tag(argument, self.value(depth - 1))

    def _read_head(self) -> tuple[int, int]:
        initial = self._take(1)[0]
        major, additional = initial >> 5, initial & 0x1F
        if additional < 24:
            return major, additional
        if additional > 27 or major == _SIMPLE:
            raise self.malformed("an encoding the format does not use")
        argument = int.from_bytes(self._take(1 << (additional - 24)), "big")
        if argument < (24, 1 << 8, 1 << 16, 1 << 32)[additional - 24]:
            raise self.malformed("a length or number not in its shortest form")
        return major, argument

    def _take(self, count: int) -> bytes:
        self._expect(count)
        taken = self._data[self.position : self.position + count]
        self.position += count
        return taken

    def _expect(self, count: int) -> None:
        if count > len(self._data) - self.position:
            raise self.malformed("ends too early")

    def _text(self, count: int) -> str:
        try:
            return self._take(count).decode()
        except UnicodeDecodeError:
            raise self.malformed("text that is not UTF-8") from None

    def _simple(self, argument: int) -> bool | None:
        if argument not in (_FALSE, _TRUE, _NULL):
            raise self.malformed("an encoding the format does not use")
        return None if argument == _NULL else argument == _TRUE

    def _map(self, count: int, depth: int) -> dict[int | str, Value]:
        self._expect(2 * count)
        found: dict[int | str, Value] = {}
        previous = b""
        for _ in range(count):
            start = self.position
            key = self.value(0)
            encoded = self._data[start : self.position]
            if isinstance(key, bool) or not isinstance(key, int | str):
                raise self.malformed("a map key that is neither number nor text")
            if encoded <= previous:
                raise self.malformed("map keys out of order or twice")
            previous = encoded
            found[key] = self.value(depth)
        return found
