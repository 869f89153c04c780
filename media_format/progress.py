"""Progress of long work, as a stream of small values that command line and kiosk both show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one phase of the work is: `done` of `total` bytes."""

    phase: str
    done: int
    total: int


Report = Callable[[Progress], None]
"""Receives progress; called often, so it must be quick."""


def silent(progress: Progress) -> None:
    """A report that nobody reads."""
