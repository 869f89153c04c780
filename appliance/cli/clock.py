"""The system's time, for what only counts seconds; certificates are judged by trusted time alone."""

from __future__ import annotations

import time


def now() -> int:
    """Seconds since the epoch."""
    return int(time.time())
