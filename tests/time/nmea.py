"""What a satellite receiver says each second, in NMEA 0183: with a position, without one, or damaged."""

from __future__ import annotations

import functools
from datetime import UTC, datetime


def with_position(start: int, seconds: int = 20) -> bytes:
    """A receiver that knows where it is, from `start` (seconds since the epoch) on."""
    return b"".join(
        _sentence(f"GPRMC,{_clock(at)},A,4807.038,N,01131.000,E,0.0,0.0,{_day(at)},,,A")
        + _sentence(f"GPGGA,{_clock(at)},4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,")
        + _sentence("GPGSA,A,3,01,02,03,04,05,06,07,08,,,,,1.5,0.9,1.2")
        for at in range(start, start + seconds)
    )


def without_position(start: int, seconds: int = 20) -> bytes:
    """A receiver that shows its own clock only: it sees no satellites."""
    return b"".join(
        _sentence(f"GPRMC,{_clock(at)},V,,,,,,,{_day(at)},,,N")
        + _sentence(f"GPGGA,{_clock(at)},,,,,0,00,99.9,,M,,M,,")
        + _sentence("GPGSA,A,1,,,,,,,,,,,,,99.9,99.9,99.9")
        for at in range(start, start + seconds)
    )


def damaged(sentences: bytes) -> bytes:
    """The same as a bad line delivers it: noise in between, and one digit of each sentence is another."""
    noise = bytes(range(0x80, 0x100))
    return _PLAYED_AS_IT_IS + b"~~".join(
        noise + sentence[:7] + b"9" + sentence[8:] for sentence in sentences.splitlines(keepends=True)
    )


_PLAYED_AS_IT_IS = b"# Delay-Cookie: ~~ 0\n"
"""Else gpsfake leaves out what it does not know: split the log here, and wait so many seconds in between."""


def _clock(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H%M%S}.00"


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%d%m%y}"


def _sentence(body: str) -> bytes:
    """A sentence with its checksum: the exclusive or of all bytes."""
    checksum = functools.reduce(lambda left, right: left ^ right, body.encode())
    return f"${body}*{checksum:02X}\r\n".encode()
