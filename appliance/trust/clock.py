"""Trusted time: which clock is believed, and how far.

A reading is believed when it is neither before the floor (the time that has surely passed) nor further
past it than the policy's horizon. Nothing here reads a clock: `appliance.trust.time_sources` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from media_format.refusal import Code, Refusal

BOX: Final = "box"
"""The name of the last source of all: the issue time of an envelope that answers the device's own nonce."""
SKEW: Final = 300
"""Seconds by which two honest clocks may differ."""
DAY: Final = 86400
LAST_MOMENT: Final = 253402300799
"""99991231235959Z, the last moment that dates have (RFC 5280, 4.1.2.5)."""

Reading = tuple[str, int | None]
"""A source's name and what it says, in seconds since the epoch; None where it has no time to give."""


class TimeSource(Protocol):
    """A clock that a configuration can name."""

    @property
    def name(self) -> str:
        """The name that receipts show."""
        ...

    def read(self) -> int | None:
        """Seconds since the epoch, or None where the clock does not know or is not there."""
        ...


@dataclass(frozen=True, slots=True)
class TrustedTime:
    """A time that certificates may be judged by, in seconds since the epoch, and the source it came from."""

    time: int
    source: str


def trusted_time(
    readings: Sequence[Reading], floor: int, horizon: int, vendor_dates: Sequence[int] = ()
) -> TrustedTime:
    """The first reading that can be believed, in the order of the configuration.

    `vendor_dates` are dates the vendor signed and this machine has just verified. They have passed, whatever
    a clock says: within `SKEW` they count like the floor, and the horizon reaches from the latest of all,
    so that a machine which lay unused for longer than its horizon believes its clock again.

    Raises Refusal(time-untrusted) where no source gives a time. Where none of those given is believed,
    the refusal is about the first: (time-before-floor) when it lies before what has passed, (time-untrusted)
    when it lies more than `horizon` seconds past it.
    """
    lowest, latest = max(floor, passed(vendor_dates)), max((floor, *vendor_dates))
    refused: list[Refusal] = []
    for name, reading in readings:
        if reading is None:
            continue
        if reading < lowest:
            detail = f"{name} says {moment(reading)}, but {moment(lowest)} has passed"
            refused.append(Refusal(Code.TIME_BEFORE_FLOOR, detail))
        elif reading - latest > horizon:
            detail = (
                f"{name} says {moment(reading)}, more than {horizon // DAY} days past {moment(latest)}, the "
                "latest time known to have passed; if the clock is right, bring newer lists of the vendor"
            )
            refused.append(Refusal(Code.TIME_UNTRUSTED, detail))
        else:
            return TrustedTime(reading, name)
    raise refused[0] if refused else Refusal(Code.TIME_UNTRUSTED, "no source of time gives one")


def passed(vendor_dates: Sequence[int]) -> int:
    """The time that has surely passed where the vendor signed at these dates; 0 where there are none.

    It is the latest, less the tolerated skew: the vendor's clock is honest, and may be ahead by seconds.
    """
    return max((date - SKEW for date in vendor_dates), default=0)


def raised_floor(floor: int, now: TrustedTime, vendor_dates: Sequence[int]) -> int:
    """The time that has surely passed after an event at `now`; never less than `floor`.

    `vendor_dates` are dates the vendor signed and this machine verified. A trusted clock's reading counts
    like them, less the tolerated skew, so that a clock set right by seconds is not refused; the time a box
    tells counts for nothing, so a subverted box cannot lock a device into the future.
    """
    proven = [floor, min(passed(vendor_dates), now.time)]
    if now.source != BOX:
        proven.append(now.time - SKEW)
    return max(proven)


def moment(seconds: int) -> str:
    """A time as people read it, in UTC."""
    return in_utc(seconds, "%Y-%m-%d %H:%M UTC")


def in_utc(seconds: int, form: str) -> str:
    """A time in a form of strftime(3), or a number of seconds where no calendar has it. Never refuses."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):
        return f"{seconds} seconds after 1970"
