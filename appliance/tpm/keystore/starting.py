"""Finding the keystore of a folder, or starting one.

Where a service manager starts the keystore, under a user of its own, clients find its socket and start
nothing. Elsewhere the first client starts it; it ends by itself when nobody has used it for a while.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from media_format.refusal import Code, Refusal

SOCKET: Final = "keystore.sock"
_STARTING: Final = "starting.lock"
IDLE: Final = 20
"""Seconds without a client after which a keystore that a client started ends."""
_PATIENCE: Final = 30.0
"""Seconds that a client waits for a keystore it started, or for an answer: a PIN attempt takes one."""
_ABSENT: Final = (errno.ENOENT, errno.ECONNREFUSED)


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """Another name for a socket, short enough for one however long the path is (unix(7))."""
    fd = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{path.name}"
    finally:
        os.close(fd)


def connect(place: Path) -> socket.socket:
    """A connection to the keystore at `place`: its socket, or a folder of keys, for which one is started.

    Raises Refusal(tpm-unavailable).
    """
    connection = _try(place) if place.is_socket() else _try(place / SOCKET) or _started(place)
    if connection is None:
        raise Refusal(Code.TPM_UNAVAILABLE, f"{place}: the keystore does not answer")
    return connection


def _started(folder: Path) -> socket.socket | None:
    with _alone(folder):
        connection = _try(folder / SOCKET)
        if connection is None:
            _start(folder)
            connection = _try(folder / SOCKET)
        return connection


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One client at a time starts a keystore; the others find it then."""
    try:
        fd = os.open(folder / _STARTING, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Refusal(Code.TPM_UNAVAILABLE, f"{folder}: {os.strerror(error.errno or 0)}") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _try(place: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(_PATIENCE)
        with short_name(place) as name:
            connection.connect(name)
    except OSError as error:
        connection.close()
        if error.errno in _ABSENT:
            return None
        raise Refusal(Code.TPM_UNAVAILABLE, f"{place}: {os.strerror(error.errno or 0)}") from None
    return connection


def _start(folder: Path) -> None:
    """Start a keystore and wait until it listens, or another one does."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    command = [sys.executable, "-I", "-m", "appliance.tpm.keystore", str(folder.absolute())]
    try:
        process = subprocess.Popen(
            [*command, "--idle", str(IDLE), "--ready", str(writing)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            pass_fds=(writing,),
        )
    except OSError as error:
        os.close(reading)
        raise Refusal(Code.TPM_UNAVAILABLE, f"the keystore cannot be started: {error.strerror}") from None
    finally:
        os.close(writing)
    with open(reading, "rb") as ready:
        said = ready.read().decode(errors="replace")
    if said != "ready":
        process.wait()
    # It lives on without its parent: its end is nobody's to wait for.
    process.returncode = 0
    if said != "ready":
        raise Refusal(Code.TPM_UNAVAILABLE, said or f"{folder}: the keystore ended at once")
