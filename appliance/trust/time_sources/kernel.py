"""The kernel's clock, where the kernel says that something keeps it right (adjtimex(2)).

NTP, PTP and time-signal daemons tell the kernel that they steer its clock; it withdraws the word by itself
when they stop and the possible error grows past sixteen seconds.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from media_format.errors import Misuse

_TIME_ERROR: Final = 5
_STA_UNSYNC: Final = 0x0040


@dataclass(frozen=True, slots=True)
class KernelTime:
    """What the kernel says: the state that adjtimex returns, its status bits, and seconds since the epoch."""

    state: int
    status: int
    seconds: int


class _Timex(ctypes.Structure):
    """struct timex of Linux (sys/timex.h); what follows the time is not needed here."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("fraction", ctypes.c_long),
        ("rest", ctypes.c_char * 256),
    )


def ask_kernel() -> KernelTime | None:
    """Read the kernel's clock with its state; None where the platform does not tell."""
    found = _Timex()
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(found))
    except AttributeError:
        return None
    return None if state < 0 else KernelTime(state, found.status, found.seconds)


class KernelClock:
    """The kernel's clock as far as the kernel vouches for it."""

    name: Final = "kernel"

    def __init__(self, ask: Callable[[], KernelTime | None] = ask_kernel) -> None:
        self._ask = ask

    @classmethod
    def at(cls, place: str) -> KernelClock:
        """The one there is. Misuse where a place is named."""
        if place:
            raise Misuse(f"time_sources: the source 'kernel' has no place {place!r}")
        return cls()

    def read(self) -> int | None:
        """Seconds since the epoch; None while nothing keeps the clock right."""
        found = self._ask()
        if found is None or found.state == _TIME_ERROR or found.status & _STA_UNSYNC:
            return None
        return found.seconds
