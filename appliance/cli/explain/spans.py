"""Moments and spans of time as people say them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

_UNITS: Final = (("year", 365 * 86400), ("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def span(seconds: int) -> str:
    """A length of time in one unit, of which there are at least two: "12 days", "36 hours"."""
    for name, size in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds // size} {name}s"
    return "a moment"


def day(seconds: int) -> str:
    """A day in UTC."""
    return _in_utc(seconds, "%Y-%m-%d")


def clock(seconds: int) -> str:
    """A moment to the second, in UTC."""
    return _in_utc(seconds, "%Y-%m-%d %H:%M:%S UTC")


def _in_utc(seconds: int, form: str) -> str:
    """A number of seconds where no calendar has the moment: what is explained may say anything."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):
        return f"{seconds} seconds after 1970"
