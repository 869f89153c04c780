"""Counting wrong PINs: a few are free, then each further one costs twice the wait.

The failure is counted before the PIN is tried, so that pulling the plug buys nothing. The wait is
measured with a clock that may be set back: time that runs backwards does not shorten it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from media_format.refusal import Code, Refusal

ALLOWED: Final = 5
FIRST_WAIT: Final = 60
"""Seconds after the last free failure; doubled by each further one."""
LONGEST_WAIT: Final = 3600


@dataclass(frozen=True, slots=True)
class Lockout:
    """Failures so far and when the last one was, in seconds since the epoch."""

    failures: int = 0
    last: int = 0

    @property
    def until(self) -> int | None:
        """When the next attempt is allowed; None if it is allowed now."""
        if self.failures < ALLOWED:
            return None
        return self.last + min(LONGEST_WAIT, FIRST_WAIT << min(self.failures - ALLOWED, 16))

    def check(self, now: int) -> None:
        """Refusal(tpm-locked) while attempts are not allowed."""
        if self.until is not None and now < self.until:
            raise Refusal(Code.TPM_LOCKED, f"{self.failures} wrong PINs; wait {self.until - now} seconds")

    def seen(self, now: int) -> Lockout:
        """After a look at the clock: a clock that was set back starts the wait anew."""
        return Lockout(self.failures, now) if self.failures >= ALLOWED and now < self.last else self

    def failed(self, now: int) -> Lockout:
        """After one more failure."""
        return Lockout(self.failures + 1, now)
