"""Sources of time, one a file: each says what its clock shows, or that it does not know.

What they say is not believed here: `appliance.trust.clock` holds it against the floor and the horizon. A
configuration names sources in the order in which they are asked, with a place after a colon where one
is needed: "rtc", "rtc:/dev/rtc1", "kernel", "gpsd", "gpsd:127.0.0.1:2947", "development".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from appliance.trust.clock import LAST_MOMENT, Reading, TimeSource
from appliance.trust.time_sources.development import DevelopmentClock
from appliance.trust.time_sources.gpsd import Gpsd
from appliance.trust.time_sources.kernel import KernelClock
from appliance.trust.time_sources.rtc import RealTimeClock
from media_format.errors import Misuse

SOURCES: Final[Mapping[str, Callable[[str], TimeSource]]] = {
    "rtc": RealTimeClock.at,
    "kernel": KernelClock.at,
    "gpsd": Gpsd.at,
    "development": DevelopmentClock.at,
}


def open_time_source(text: str) -> TimeSource:
    """The source that a configuration names. Misuse for an unknown one, or a place that it cannot have."""
    name, _, place = text.partition(":")
    if name not in SOURCES:
        known = ", ".join(f'"{known}"' for known in SOURCES)
        raise Misuse(f"time_sources: {text!r} is no source of time; write some of {known}")
    return SOURCES[name](place)


def check_sources(names: Sequence[str]) -> None:
    """Misuse for a list of sources that cannot be asked: for whoever reads a configuration."""
    for text in names:
        open_time_source(text)


def read_source(source: TimeSource) -> Reading:
    """What a source says. A time that the format cannot state, before 1970 or after 9999, is none."""
    read = source.read()
    return source.name, read if read is not None and 0 <= read <= LAST_MOMENT else None


def read_all(names: Sequence[str]) -> tuple[Reading, ...]:
    """What the named sources say, in their order."""
    return tuple(read_source(open_time_source(name)) for name in names)


__all__ = ["SOURCES", "check_sources", "open_time_source", "read_all", "read_source"]
