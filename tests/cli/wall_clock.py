"""The wall clock as a test wants it: everything in this process that asks the system for the time sees it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

DAY = 86400
_REAL = time.time


@contextmanager
def wall_clock(*, days: float = 0, seconds: float = 0) -> Iterator[None]:
    """Set the clock ahead, or back with negative numbers, for a while."""
    shift = days * DAY + seconds
    with mock.patch("time.time", lambda: _REAL() + shift):
        yield
