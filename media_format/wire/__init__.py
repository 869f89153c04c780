"""How values travel: `shapes` of single values, and `records` of them. Everything has a limit."""

from media_format.wire.records import CRITICAL_KEY, OPTIONAL_KEY, Extensions, Nested, Record, key, record
from media_format.wire.shapes import (
    DIGEST,
    IDENTIFIER,
    MAX_UINT,
    TIME,
    Blob,
    Flag,
    Many,
    Number,
    Text,
    Uint,
    Version,
    Word,
    malformed,
)

__all__ = [
    "CRITICAL_KEY",
    "DIGEST",
    "IDENTIFIER",
    "MAX_UINT",
    "OPTIONAL_KEY",
    "TIME",
    "Blob",
    "Extensions",
    "Flag",
    "Many",
    "Nested",
    "Number",
    "Record",
    "Text",
    "Uint",
    "Version",
    "Word",
    "key",
    "malformed",
    "record",
]
