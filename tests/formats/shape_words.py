"""Shapes in the words that the tables of docs/format.md use."""

from __future__ import annotations

from typing import Any

from media_format import wire
from media_format.objects.chunk_table import ChunkShape
from media_format.refusal import Code

_POWERS = {2**63 - 1: "2^63 - 1", 2**32 - 1: "2^32 - 1"}


def words(shape: Any) -> str:
    """What a shape allows."""
    if shape == wire.TIME:
        return "time"
    match shape:
        case wire.Uint():
            return "number" if shape == wire.Uint() else f"number {_range(shape.minimum, shape.maximum)}"
        case wire.Blob():
            return f"{_range(shape.minimum, shape.maximum)} bytes"
        case wire.Text():
            return f"{'lines' if shape.lines else 'text'}, {_range(shape.minimum, shape.maximum)} bytes"
        case wire.Flag():
            return "flag"
        case wire.Version():
            return str(shape.expected)
        case wire.Number():
            return ", ".join(f"{int(member)} {_named(member.name)}" for member in shape.kind)
        case wire.Word():
            return "refusal code" if shape.kind is Code else ", ".join(f'"{member}"' for member in shape.kind)
        case wire.Many():
            return f"array of {_range(shape.minimum, shape.maximum)}: {words(shape.item)}"
        case wire.Nested():
            return f"map: {shape.kind.NAME}"
        case ChunkShape():
            return "chunk"
    raise TypeError(f"no words for {shape!r}")


def _range(minimum: int, maximum: int) -> str:
    if minimum == maximum:
        return str(minimum)
    return f"{_POWERS.get(minimum, minimum)} to {_POWERS.get(maximum, maximum)}"


def _named(name: str) -> str:
    return name.lower().replace("_", "-")
