"""A soft TPM with its keystore process, for one test."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.tpm import KeyKind
from appliance.tpm.keystore.audit import FILE_NAME
from appliance.tpm.keystore.client import KeystoreTpm
from appliance.tpm.keystore.name import abstract_name, published
from appliance.tpm.keystore.peer import peer_of
from appliance.tpm.keystore.starting import connect
from appliance.tpm.protocol import Authorisation
from appliance.tpm.soft import SoftTpm

AUTH = Authorisation(b"a secret of thirty-two bytes ....")


@dataclass(frozen=True, slots=True)
class Keystore:
    """The folder of keys, and the client that finds or starts their process."""

    folder: Path
    tpm: KeystoreTpm

    @property
    def pid(self) -> int:
        """The process that answers now."""
        with connect(self.folder) as connection:
            return peer_of(connection).pid

    def kill(self) -> None:
        """Kill it, and wait until it is gone."""
        kill_keystore(self.folder)


def kill_keystore(folder: Path) -> None:
    """Kill the process that keeps the keys in a folder, and wait until it is gone."""
    with connect(folder) as connection:
        pidfd = os.pidfd_open(peer_of(connection).pid)
    try:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        assert poll.poll(20_000), "the keystore does not die"
    finally:
        os.close(pidfd)


def audit(folder: Path) -> list[dict[str, Any]]:
    """The lines of the audit of the keys in a folder."""
    return [json.loads(line) for line in (folder / FILE_NAME).read_text().splitlines()]


def wait_for(condition: Any, seconds: float = 20) -> None:
    """Wait for something another process does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        os.sched_yield()


@contextmanager
def keystore(folder: Path) -> Iterator[Keystore]:
    """New keys with a process that ends with the test."""
    SoftTpm.make(folder, lambda: int(time.time()))
    made = Keystore(folder, KeystoreTpm(lambda: connect(folder)))
    made.tpm.create("identity", KeyKind.SIGN_P256, AUTH)
    try:
        yield made
    finally:
        made.tpm.close()
        made.kill()


@contextmanager
def served(folder: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """The keystore of a folder as a service manager starts it."""
    reading, writing = os.pipe()
    command = [sys.executable, "-I", "-m", "appliance.tpm.keystore", str(folder), "--ready", str(writing)]
    process = subprocess.Popen([*command, *options], pass_fds=(writing,), stderr=subprocess.PIPE)
    os.close(writing)
    try:
        with open(reading, "rb") as ready:
            assert ready.read() == b"ready"
        yield process
    finally:
        process.kill()
        process.communicate()


def name_of(folder: Path) -> bytes:
    """The name of the keystore that was started last for a folder."""
    seed = published(folder)
    assert seed is not None
    return abstract_name(folder, seed)


def call(folder: Path, *connections: bytes) -> bytes:
    """Send raw bytes to a keystore; everything it answers until it hangs up."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(20)
        connection.connect(name_of(folder))
        for data in connections:
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while part := connection.recv(4096):
                answer += part
        except ConnectionResetError:
            return answer
        return answer
