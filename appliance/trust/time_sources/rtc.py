"""A battery-backed clock, asked directly (rtc(4)): the system's clock may have been set since it started."""

from __future__ import annotations

import datetime
import errno
import fcntl
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from media_format.errors import Misuse

_DEVICE: Final = "/dev/rtc0"
_RTC_RD_TIME: Final = 0x80247009
_RTC_VL_READ: Final = 0x80047013
_RTC_TIME: Final = struct.Struct("@9i")
"""struct rtc_time: seconds, minutes, hours, day, month (from 0), years since 1900, three that are unused."""
_VOLTAGE_LOW: Final = 0x01 | 0x04
"""RTC_VL_DATA_INVALID and RTC_VL_BACKUP_EMPTY: the clock stood still at some time."""
_NOT_OFFERED: Final = (errno.ENOTTY, errno.EINVAL, errno.EOPNOTSUPP)

Ask: TypeAlias = Callable[[int, bytes], bytes]
"""Answers one of the clock's ioctl requests. OSError where the clock has none."""


class RealTimeClock:
    """The real-time clock behind a device node, which must run on UTC."""

    name: Final = "rtc"

    def __init__(self, device: Path = Path(_DEVICE), ask: Ask | None = None) -> None:
        self._device = device
        self._ask = ask

    @classmethod
    def at(cls, place: str) -> RealTimeClock:
        """The clock at a device node, the first one where none is named. Misuse for a relative path."""
        device = Path(place or _DEVICE)
        if not device.is_absolute():
            raise Misuse(f"time_sources: {place!r} is no place of a clock; write rtc:/dev/rtc1")
        return cls(device)

    def read(self) -> int | None:
        """Seconds since the epoch; None where the clock is absent, stood still, or shows no date."""
        if self._ask is not None:
            return _read(self._ask)
        try:
            fd = os.open(self._device, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            return _read(lambda request, room: fcntl.ioctl(fd, request, room))
        finally:
            os.close(fd)


def _read(ask: Ask) -> int | None:
    try:
        if _stood_still(ask):
            return None
        second, minute, hour, day, month, year, *_ = _RTC_TIME.unpack(
            ask(_RTC_RD_TIME, bytes(_RTC_TIME.size))
        )
    except OSError:
        return None
    try:
        shown = datetime.datetime(year + 1900, month + 1, day, hour, minute, second, tzinfo=datetime.UTC)
        return int(shown.timestamp())
    except ValueError:
        return None


def _stood_still(ask: Ask) -> bool:
    """Whether the battery failed; clocks that cannot tell are believed as far as floor and horizon go."""
    try:
        (state,) = struct.unpack("@I", ask(_RTC_VL_READ, bytes(4)))
    except OSError as error:
        if error.errno in _NOT_OFFERED:
            return False
        raise
    return bool(state & _VOLTAGE_LOW)
