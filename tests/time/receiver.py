"""The system's own gpsd with a receiver on a pseudo-terminal, as gpsfake gives it one.

gpsfake itself comes with half a gigabyte of plotting libraries.
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from tests.tools import require

_PATIENCE: Final = 60.0
_PACE: Final = 0.02
"""Seconds from one sentence to the next."""
_WATCH: Final = b'?WATCH={"enable":true,"json":true};\n'


@contextmanager
def gpsd(folder: Path, sentences: bytes) -> Iterator[int]:
    """A daemon whose receiver says `sentences` again and again; yields its port once it reports."""
    port = _free_port()
    with _receiver(sentences) as device, _daemon(folder, port, device):
        _wait_for_report(port)
        yield port


@contextmanager
def _receiver(sentences: bytes) -> Iterator[str]:
    """The terminal on which a receiver talks."""
    master, slave = os.openpty()
    tty.setraw(slave)
    name, gone = os.ttyname(slave), threading.Event()
    os.chmod(name, 0o666)  # the daemon gives its rights up
    os.set_blocking(master, False)
    talking = threading.Thread(target=_talk, args=(master, sentences, gone))
    talking.start()
    try:
        yield name
    finally:
        gone.set()
        talking.join()
        os.close(slave)
        os.close(master)


def _talk(master: int, sentences: bytes, gone: threading.Event) -> None:
    for sentence in itertools.cycle(sentences.splitlines(keepends=True)):
        with suppress(BlockingIOError):  # nobody listens yet
            os.write(master, sentence)
        if gone.wait(_PACE):
            return


@contextmanager
def _daemon(folder: Path, port: int, device: str) -> Iterator[None]:
    """The daemon in the foreground; entered once it listens, which it says itself."""
    options = ["-b", "-N", "-n", "-D", "3", "-S", str(port), "-F", str(folder / "gpsd.sock")]
    daemon = subprocess.Popen(
        [require("gpsd"), *options, device],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert daemon.stderr is not None
    watchdog = threading.Timer(_PATIENCE, daemon.kill)
    watchdog.start()
    try:
        assert any(b"listening on port" in line for line in daemon.stderr), "gpsd does not start"
        draining = threading.Thread(target=daemon.stderr.read)
        draining.start()
        try:
            yield
        finally:
            daemon.terminate()
            draining.join()
    finally:
        watchdog.cancel()
        daemon.kill()
        daemon.wait()
        daemon.stderr.close()


def _wait_for_report(port: int) -> None:
    """Take the first report of the receiver, whatever it says: from then on silence means something."""
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as client:
        client.sendall(_WATCH)
        with client.makefile("rb") as lines:
            assert any(json.loads(line)["class"] == "TPV" for line in lines)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
