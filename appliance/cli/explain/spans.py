"""Moments and spans of time as people say them."""

from __future__ import annotations

from typing import Final

from appliance.trust.clock import in_utc

_UNITS: Final = (("year", 365 * 86400), ("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


def span(seconds: int) -> str:
    """A length of time in one unit, of which there are at least two: "12 days", "36 hours"."""
    for name, size in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds // size} {name}s"
    return "a moment"


def day(seconds: int) -> str:
    """A day in UTC."""
    return in_utc(seconds, "%Y-%m-%d")


def clock(seconds: int) -> str:
    """A moment to the second, in UTC."""
    return in_utc(seconds, "%Y-%m-%d %H:%M:%S UTC")
