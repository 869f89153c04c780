"""Values in words: sizes, times, names from outside."""

from __future__ import annotations

import datetime


def amount(size: float) -> str:
    """A size for people: 1.4 GB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit in ("bytes", "kB") else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def moment(seconds: int) -> str:
    """A time (seconds since the epoch) as the wall clock beside the box shows it."""
    return _local(seconds, "%Y-%m-%d %H:%M %Z")


def time_of_day(seconds: int) -> str:
    """The same, when today is meant and the seconds matter."""
    return _local(seconds, "%H:%M:%S %Z")


def day(seconds: int) -> str:
    """The date of a time."""
    return _local(seconds, "%Y-%m-%d")


def _local(seconds: int, form: str) -> str:
    """A number of seconds where the calendar here does not have the time: a device may say any."""
    try:
        return datetime.datetime.fromtimestamp(seconds).astimezone().strftime(form)
    except (ValueError, OverflowError, OSError):
        return f"{seconds} seconds after 1970"


def duration(seconds: float) -> str:
    """How long something takes: 2 min 5 s."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def clean(text: str) -> str:
    """A name that somebody else chose, without characters that move the cursor or turn the line."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def shortened(text: str, width: int) -> str:
    """The end of a long path: what tells it from others stands there."""
    return text if len(text) <= width else f"…{text[1 - width :]}"


def listed(names: tuple[str, ...], most: int = 4) -> str:
    """Some names: A, B, C and 5 more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
