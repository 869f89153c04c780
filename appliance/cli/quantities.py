"""Sizes and moments as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    _Number = click.ParamType[int]
else:
    _Number = click.ParamType  # older versions of click do not say what a type converts to

_UNITS: Final = {"": 1, "kib": 1024, "mib": 1024**2, "gib": 1024**3}
_SIZE: Final = re.compile(r"(\d{1,19})\s*(kib|mib|gib|)", re.IGNORECASE | re.ASCII)

LARGEST: Final = 2**63 - 1
"""The largest number that the box's database holds (sqlite.org/datatype3.html)."""
NUMBER: Final = click.IntRange(1, LARGEST)
"""A number of things, or of a thing in a list."""
_LAST_MOMENT: Final = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())


class Size(_Number):
    """Bytes, or with a unit: 65536, 64KiB, 256MiB, 1GiB."""

    name = "SIZE"

    def __init__(self, minimum: int = 1, maximum: int = LARGEST) -> None:
        self._minimum = minimum
        self._maximum = maximum

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = _SIZE.fullmatch(str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no size; write for example 64KiB", param, ctx)
        size = int(found[1]) * _UNITS[found[2].lower()]
        if not self._minimum <= size <= self._maximum:
            self.fail(f"{size} bytes are not between {self._minimum} and {self._maximum}", param, ctx)
        return size


def amount(size: float) -> str:
    """A size in the unit that suits it: 512 bytes, 12.0 MiB, 1.0 GiB."""
    if size < 1024:
        return f"{size:.0f} bytes"
    for unit in ("KiB", "MiB", "GiB"):
        size /= 1024
        if size < 1024:
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} TiB"


def counted(count: int, noun: str) -> str:
    """How many of something whose plural ends in s: "1 release", "2,000 releases"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


class Moment(_Number):
    """A day or a moment (ISO 8601), UTC where it does not say; or seconds since the epoch."""

    name = "DATE"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        try:
            seconds = int(text) if text.isascii() and text.isdecimal() else _seconds(text)
        except (ValueError, OverflowError):
            seconds = None
        if seconds is None or seconds > _LAST_MOMENT:
            self.fail(f"{value!r} is no date; write for example 2027-01-31", param, ctx)
        return seconds


def _seconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
