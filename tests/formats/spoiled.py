"""Objects spoiled in one place: each field, here and in records inside, with what its shape forbids.

pycddl takes text for bytes where a size is stated, and does not mind further keys of maps in arrays; so
such variants are not made.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from media_format import wire
from media_format.objects.chunk_table import ChunkShape

_LONGEST = 20_000
"""Byte strings and arrays are made too long only where the limit is below this."""

_FURTHER_KEYS = ("an unknown key", "a text key")

Fields = dict[int | str, Any]


def spoiled(kind: type[wire.Record], fields: Fields) -> Iterator[tuple[str, Fields]]:
    """Variants of a map that is a record of this kind, each wrong in one place that is named."""
    yield "an unknown key", {**fields, 29: 0}
    yield "a text key", {**fields, "1": 0}
    yield "empty extensions", {**fields, wire.OPTIONAL_KEY: {}}
    yield "null for extensions", {**fields, wire.OPTIONAL_KEY: None}
    for field in dataclasses.fields(kind):
        if "key" not in field.metadata:
            continue
        key, name = field.metadata["key"], field.name
        if field.default is dataclasses.MISSING:
            yield f"without {name}", {number: item for number, item in fields.items() if number != key}
        yield f"{name} is null", {**fields, key: None}
        for what, value in _wrong(field.metadata["shape"], fields.get(key)):
            yield f"{name}: {what}", {**fields, key: value}


def _wrong(shape: Any, good: Any) -> Iterator[tuple[str, Any]]:
    """Values that a shape forbids; `good` is one it allows, None where there is none at hand."""
    match shape:
        case wire.Uint():
            yield from (("too small", shape.minimum - 1), ("too large", shape.maximum + 1), ("text", "1"))
        case wire.Blob():
            yield "true", True
            yield from _lengths(shape, b"\0")
        case wire.Text():
            yield "true", True
            yield from _lengths(shape, "x")
        case wire.Flag():
            yield "a number", 1
        case wire.Version() | wire.Number():
            yield from (("unknown", 99), ("text", "1"))
        case wire.Word():
            yield from (("unknown", "nonsense"), ("a number", 1))
        case wire.Nested():
            yield "an array", [good]
            if good is not None:
                yield from spoiled(shape.kind, good)
        case wire.Many():
            yield "not an array", {}
            if good:
                for what, value in _wrong(shape.item, good[0]):
                    if what not in _FURTHER_KEYS:
                        yield what, [value, *good[1:]]
                if shape.maximum < _LONGEST // 100:
                    yield "too many", [good[0]] * (shape.maximum + 1)
            if shape.minimum:
                yield "none", []
        case ChunkShape():
            yield from (("empty", []), ("an unknown codec", [9, bytes(32)]), ("short", [1, bytes(32), 1]))


def _lengths(shape: wire.Blob | wire.Text, unit: Any) -> Iterator[tuple[str, Any]]:
    if shape.minimum > 0:
        yield "too short", unit * (shape.minimum - 1)
    if shape.maximum < _LONGEST:
        yield "too long", unit * (shape.maximum + 1)
