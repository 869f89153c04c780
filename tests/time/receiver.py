"""The system's own gpsd with a satellite receiver that gpsfake plays to it from a log."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO, Final

from tests.tools import require_gpsfake

_PATIENCE: Final = 60.0
_TRIES: Final = 5
_PACE: Final = 0.02
"""Seconds from one sentence to the next."""
_WATCH: Final = b'?WATCH={"enable":true,"json":true};\n'
_CYCLE: Final = b"log cycle"
"""gpsfake says so when it begins to play the log, and again each time it reached the end."""


@contextmanager
def gpsd(folder: Path, log: bytes) -> Iterator[int]:
    """A daemon whose receiver says what is in `log` again and again; yields its port once it reports."""
    with playing(folder, log) as (port, _):
        wait_for_report(port)
        yield port


@contextmanager
def playing(folder: Path, log: bytes) -> Iterator[tuple[int, IO[bytes]]]:
    """A daemon to which a receiver has begun to talk: its port, and what it and gpsfake say.

    gpsfake offers its receiver once the daemon's control socket has a name, and goes on without it where
    the daemon does not listen there yet; or another program has taken the port. Then it is started anew.
    """
    path = folder / "receiver.log"
    path.write_bytes(log)
    with ExitStack() as running:
        for _ in range(_TRIES):
            port, said = running.enter_context(_gpsfake(path))
            if _begins(said) and _has_receiver(port):
                break
            running.close()
        else:
            raise AssertionError("gpsd does not take the receiver")
        yield port, said


@contextmanager
def _gpsfake(log: Path) -> Iterator[tuple[int, IO[bytes]]]:
    port = _free_port()
    fake = subprocess.Popen(
        [require_gpsfake(), "-n", "-c", str(_PACE), "-P", str(port), str(log)],
        env={**os.environ, "TMPDIR": str(log.parent)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert fake.stderr is not None
    watchdog = threading.Timer(_PATIENCE, _end, (fake, signal.SIGKILL))
    watchdog.start()
    try:
        yield port, fake.stderr
    finally:
        _end(fake, signal.SIGTERM)
        fake.stderr.read()
        watchdog.cancel()
        _end(fake, signal.SIGKILL)
        fake.wait()
        fake.stderr.close()


def wait_for_cycle(said: IO[bytes]) -> None:
    """Wait until the receiver has said all and begins again."""
    assert _begins(said), "gpsfake or gpsd has ended"


def _begins(said: IO[bytes]) -> bool:
    return any(_CYCLE in line for line in said)


def _has_receiver(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as client:
            client.sendall(b"?DEVICES;\n")
            with client.makefile("rb") as lines:
                return any(report.get("devices") for report in islice(map(json.loads, lines), 2))
    except (OSError, ValueError):
        return False


def wait_for_report(port: int, *, position: bool | None = None) -> None:
    """Take reports until there is one, of a receiver that knows where it is or does not, as asked for."""
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as client:
        client.sendall(_WATCH)
        with client.makefile("rb") as lines:
            reports = (report for report in map(json.loads, lines) if report["class"] == "TPV")
            assert any(position in (None, report["mode"] >= 2) for report in reports)


def _end(fake: subprocess.Popen[bytes], how: signal.Signals) -> None:
    """Tell gpsfake and the daemon that it started to end."""
    with suppress(ProcessLookupError):
        os.killpg(fake.pid, how)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
