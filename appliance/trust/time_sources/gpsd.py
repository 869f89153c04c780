"""gpsd: satellite time from the daemon that owns the receiver, over its socket.

The protocol is lines of JSON (gpsd_json(5)). A time counts only from a report with a position: before
that a receiver shows its own clock, which may be anywhere. Satellites can be imitated, so the floor and
the horizon bound what is believed of them like of any other clock.
"""

from __future__ import annotations

import datetime
import json
import socket
import time
from collections.abc import Iterator
from typing import Any, Final

from media_format.errors import Misuse

_HOST: Final = "127.0.0.1"
_PORT: Final = 2947
_WATCH: Final = b'?WATCH={"enable":true,"json":true};\n'
_PATIENCE: Final = 5.0
"""Seconds to wait for a report; receivers send one each second."""
_MAX_LINE: Final = 64 * 1024
_MAX_BYTES: Final = 1024 * 1024
_POSITION: Final = 2
"""TPV mode: 2 is a position without height, 3 one with it."""


class Gpsd:
    """A gpsd daemon at a host and port."""

    name: Final = "gpsd"

    def __init__(self, host: str = _HOST, port: int = _PORT, patience: float = _PATIENCE) -> None:
        self._address = (host, port)
        self._patience = patience

    @classmethod
    def at(cls, place: str) -> Gpsd:
        """The daemon at "HOST:PORT", the usual one where none is named. Misuse for what is no such place."""
        host, _, port = (place or f"{_HOST}:{_PORT}").rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise Misuse(f"time_sources: {place!r} is no place of gpsd; write gpsd:HOST:PORT")
        return cls(host.strip("[]"), int(port))

    def read(self) -> int | None:
        """Seconds since the epoch; None where no daemon answers or its receiver has no position."""
        deadline = time.monotonic() + self._patience
        try:
            with socket.create_connection(self._address, timeout=self._patience) as daemon:
                daemon.sendall(_WATCH)
                times = (_time(line) for line in _lines(daemon, deadline))
                return next((found for found in times if found is not None), None)
        except OSError:
            return None


def _lines(daemon: socket.socket, deadline: float) -> Iterator[bytes]:
    """What the daemon sends until the deadline, line by line; bounded in all."""
    waiting, taken = b"", 0
    while taken < _MAX_BYTES and len(waiting) < _MAX_LINE:
        left = deadline - time.monotonic()
        if left <= 0:
            return
        daemon.settimeout(left)
        data = daemon.recv(4096)
        if not data:
            return
        taken += len(data)
        *whole, waiting = (waiting + data).split(b"\n")
        yield from whole


def _time(line: bytes) -> int | None:
    """The time of a report that has a position; None for any other line."""
    try:
        report: Any = json.loads(line)
        if report["class"] != "TPV" or int(report["mode"]) < _POSITION:
            return None
        moment = datetime.datetime.fromisoformat(report["time"])
        return None if moment.tzinfo is None else int(moment.timestamp())
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
