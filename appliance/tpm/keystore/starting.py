"""Finding the keystore of a folder, or starting one.

A keystore listens under a name that only the folder's owner can know beforehand (`name`). Once it has ended,
anyone may have taken its name: a client believes only a server that belongs to the folder's owner, and
starts one under a new name otherwise.

Where a service manager starts the keystore, under a user of its own, it listens on a socket in the file
system, and clients start nothing. Elsewhere the first client starts it; it ends by itself when nobody has
used it for a while.
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

from appliance.tpm.disk import failing
from appliance.tpm.keystore.name import abstract_name, published
from appliance.tpm.keystore.peer import peer_of
from media_format.refusal import Code, Refusal

IDLE: Final = 5
"""Seconds without a client after which a keystore that a client started ends."""
_STARTING: Final = "starting.lock"
_PATIENCE: Final = 30.0
"""Seconds that a client waits for a keystore it started, or for an answer: a PIN attempt takes one."""
_ABSENT: Final = (errno.ENOENT, errno.ECONNREFUSED)


def connect(place: Path) -> socket.socket:
    """A connection to the keystore at `place`: its socket, or a folder of keys, for which one is started.

    Raises Refusal(tpm-unavailable).
    """
    try:
        connection = _at_socket(place) if place.is_socket() else _found(place) or _started(place)
    except OSError as error:
        raise failing(Path(error.filename or place), error) from None
    if connection is None:
        raise _unavailable(place, "the keystore does not answer")
    return connection


def _at_socket(place: Path) -> socket.socket | None:
    connection = _try(str(place).encode())
    if connection is None or _is_the_owners(connection, place):
        return connection
    connection.close()
    raise _unavailable(place, "another user answers in the keystore's place")


def _found(folder: Path) -> socket.socket | None:
    """A connection to the keystore that was started last; None where it has ended, whoever has its name."""
    seed = published(folder)
    if seed is None:
        return None
    try:
        connection = _try(abstract_name(folder, seed))
    except BlockingIOError:
        return (
            None  # nobody accepts: a keystore that is busy keeps another from starting, a stranger does not
        )
    if connection is None or _is_the_owners(connection, folder):
        return connection
    connection.close()
    return None


def _is_the_owners(connection: socket.socket, place: Path) -> bool:
    """A server of another user than the keys' owner would learn PINs, and lie."""
    return peer_of(connection).uid in (place.stat().st_uid, 0)


def _started(folder: Path) -> socket.socket | None:
    with _alone(folder):
        connection = _found(folder)
        if connection is None:
            _start(folder)
            connection = _found(folder)
        return connection


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One client at a time starts a keystore; the others find it then."""
    fd = os.open(folder / _STARTING, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _try(name: bytes) -> socket.socket | None:
    """A connection; None where nobody listens. OSError for anything else."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(_PATIENCE)
        connection.connect(name)
    except OSError as error:
        connection.close()
        if error.errno in _ABSENT:
            return None
        raise
    return connection


def _start(folder: Path) -> None:
    """Start a keystore and wait until it listens."""
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
    except OSError:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    with open(reading, "rb") as ready:
        said = ready.read().decode(errors="replace")
    if said != "ready":
        process.wait()
        raise _unavailable(folder, said or "the keystore ended at once")
    # It lives on without its parent: its end is nobody's to wait for.
    process.returncode = 0


def _unavailable(place: Path, why: str) -> Refusal:
    return Refusal(Code.TPM_UNAVAILABLE, why if why.startswith(str(place)) else f"{place}: {why}")
