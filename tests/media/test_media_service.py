"""The media service hands on disks that may be touched, to those who are served, and nothing else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.media.courier.messages import MAX_MESSAGE, Outcome, decode
from appliance.media.service.client import open_disk_by_service
from media_format.cbor import Value, encode
from media_format.errors import MachineFault
from media_format.refusal import Code
from tests.media.loops import empty_image, loop_device
from tests.tools import require_root

pytestmark = pytest.mark.serial
MIB = 1024 * 1024
SERVED, STRANGER = 61001, 61002
PATIENCE = 5
"""Seconds that the service waits for one silent connection."""
SILENT = """
import os, socket, sys
os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
links = [socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(14)]
for link in links:
    link.connect(sys.argv[2])
print("connected", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Path]:
    with loop_device(empty_image(tmp_path / "medium.img", MIB)) as device:
        yield device


@contextmanager
def service(*loops: Path) -> Iterator[Path]:
    """A media service for the user `SERVED` and for root, in a process of its own; its socket."""
    require_root()
    named = [word for loop in loops for word in ("--loop", str(loop))]
    users = ["--user", str(SERVED), "--user", "root"]
    with reachable() as at:
        place = ["--socket", str(at)]
        command = [sys.executable, "-I", "-m", "appliance.media.service", *place, *users, *named]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == f"listening at {at}\n"
            try:
                yield at
            finally:
                process.terminate()


@contextmanager
def reachable() -> Iterator[Path]:
    """A place for a socket that every user can get to, which a test's own folder need not be."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "run" / "media.sock"


def as_user(user: int, device: Path, at: Path | str) -> str:
    """What came of it when `user` opened `device`, by the service at `at` or by itself."""
    script = Path(__file__).with_name("as_user.py")
    command = [sys.executable, str(script), str(user), str(device), str(at)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def ask(at: Path, *request: Value) -> list[Value]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
        link.connect(str(at))
        link.send(encode(list(request)))
        return decode(link.recv(MAX_MESSAGE), "the answer")


def test_a_user_without_rights_on_disks_writes_a_medium(loop: Path, tmp_path: Path) -> None:
    assert "no permission" in as_user(SERVED, loop, "")
    with service(loop) as at:
        assert as_user(SERVED, loop, at) == "done"
    assert (tmp_path / "medium.img").read_bytes().startswith(b"written by another user")


def test_a_stranger_is_not_served(loop: Path) -> None:
    with service(loop) as at:
        assert f"does not serve user {STRANGER}" in as_user(STRANGER, loop, at)


def test_the_rule_holds_for_those_who_are_served(loop: Path) -> None:
    with service() as at:
        assert Code.MEDIUM_BUSY in as_user(SERVED, loop, at)


@pytest.mark.parametrize("name", ["../etc/shadow", "/etc/shadow", "null", "", "shm", "disk/by-id/x"])
def test_only_the_names_of_block_devices_are_understood(name: str) -> None:
    with service() as at:
        assert ask(at, name, False)[0] == Outcome.MISUSE


def test_nonsense_is_answered_and_the_next_one_is_served(loop: Path) -> None:
    with service(loop) as at:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
            link.connect(str(at))
            link.send(b"\xff" * 100)
            assert decode(link.recv(MAX_MESSAGE), "the answer")[0] != Outcome.DONE
        disk = open_disk_by_service(loop, writable=False, at=at)
        assert disk.size == MIB
        disk.close()


def test_silent_connections_of_a_stranger_hold_nobody_up(loop: Path) -> None:
    with service(loop) as at, silent_connections(STRANGER, at):
        before = time.monotonic()
        open_disk_by_service(loop, writable=False, at=at).close()
        assert time.monotonic() - before < PATIENCE


def test_silent_connections_of_a_user_hold_up_no_other_user(loop: Path) -> None:
    with service(loop) as at, silent_connections(SERVED, at):
        before = time.monotonic()
        open_disk_by_service(loop, writable=False, at=at).close()
        assert time.monotonic() - before < PATIENCE


@contextmanager
def silent_connections(user: int, at: Path) -> Iterator[None]:
    """Another user connects many times and says nothing."""
    command = [sys.executable, "-c", SILENT, str(user), str(at)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"connected\n"
        try:
            yield
        finally:
            process.kill()


def test_a_second_service_does_not_push_the_first_aside() -> None:
    with service() as at:
        command = [sys.executable, "-m", "appliance.media.service", "--socket", str(at), "--user", "0"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "already" in done.stderr


def test_a_service_that_hands_over_another_device_is_not_believed(tmp_path: Path, loop: Path) -> None:
    at = tmp_path / "false.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(at))
        listener.listen()

        def answer() -> None:
            link, _ = listener.accept()
            with link, open(os.devnull, "rb") as other:
                link.recv(MAX_MESSAGE)
                socket.send_fds(link, [encode([Outcome.DONE, None])], [other.fileno()])

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(MachineFault, match="another device"):
            open_disk_by_service(loop, writable=False, at=at)
        thread.join()


def test_where_no_service_is_the_machine_is_at_fault(tmp_path: Path, loop: Path) -> None:
    with pytest.raises(MachineFault, match="does not answer"):
        open_disk_by_service(loop, writable=False, at=tmp_path / "absent.sock")
