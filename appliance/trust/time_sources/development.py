"""The system's clock, whoever set it: for demonstrations and tests."""

from __future__ import annotations

import time
from typing import Final

from media_format.errors import Misuse


class DevelopmentClock:
    """Trusts the system clock. For demonstrations and tests only; receipts name it."""

    name: Final = "development"

    @classmethod
    def at(cls, place: str) -> DevelopmentClock:
        """The one there is. Misuse where a place is named."""
        if place:
            raise Misuse(f"time_sources: the source 'development' has no place {place!r}")
        return cls()

    def read(self) -> int | None:
        """The system's time."""
        return int(time.time())
