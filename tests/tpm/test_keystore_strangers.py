"""Who else speaks to a keystore, or in its name."""

from __future__ import annotations

import os
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from appliance.tpm.keystore.client import KeystoreTpm
from appliance.tpm.keystore.messages import MAX_MESSAGE, Status
from appliance.tpm.keystore.starting import connect
from appliance.tpm.soft import SoftTpm
from media_format import cbor
from media_format.refusal import Code
from tests.tools import require_root
from tests.tpm.keystores import Keystore, audit, call, name_of, served
from tests.tpm.strangers import NOBODY, as_user, open_to_all
from tests.trust_world import refused


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0\0",
        b"\0\0\0\0",
        struct.pack(">I", MAX_MESSAGE + 1),
        struct.pack(">I", 2**32 - 1),
        struct.pack(">I", 3) + b"\xff\xff\xff",
        struct.pack(">I", 1) + b"\x80",
    ],
)
def test_who_speaks_something_else_is_hung_up_on(keys: Keystore, message: bytes) -> None:
    assert call(keys.folder, message) == b""
    assert keys.tpm.status().backend == "soft"


@pytest.mark.parametrize(
    "arguments",
    [
        ["exec", "rm"],
        [7],
        [None],
        ["sign"],
        ["sign", "identity"],
        ["sign", 1, b"", b""],
        ["sign", "identity", "message", b""],
        ["sign", "../key-identity", b"message", b""],
        ["create", "second", "rsa", b""],
        ["random", -1],
        ["random", 2**40],
        ["random", True],
        ["unseal", b"", 7],
        ["store", "note", None],
        ["load", {}],
    ],
)
def test_a_call_with_wrong_arguments_is_a_misuse(keys: Keystore, arguments: list[cbor.Value]) -> None:
    data = cbor.encode(arguments)
    answer = call(keys.folder, struct.pack(">I", len(data)) + data)
    reply = cbor.decode(answer[4:], MAX_MESSAGE, "reply")
    assert isinstance(reply, list)
    assert reply[0] == Status.MISUSED


def test_a_process_of_another_user_is_turned_away(tmp_path: Path) -> None:
    require_root()
    SoftTpm.make(tmp_path / "tpm", lambda: 0)
    with open_to_all() as place, served(tmp_path / "tpm", "--user", "12345", "--socket", str(place)):
        assert as_user(NOBODY, place) == "turned away"
    assert [(line["call"], line["uid"], line["outcome"]) for line in audit(tmp_path / "tpm")] == [
        ("connect", NOBODY, "turned away")
    ]


def test_a_user_who_was_named_is_served_at_a_socket_of_its_own(tmp_path: Path) -> None:
    require_root()
    SoftTpm.make(tmp_path / "tpm", lambda: 0)
    with open_to_all() as place, served(tmp_path / "tpm", "--user", str(NOBODY), "--socket", str(place)):
        assert as_user(NOBODY, place) == "answered"


def test_strangers_who_take_an_ended_keystores_name_are_passed_over(keys: Keystore) -> None:
    require_root()
    name = name_of(keys.folder)
    keys.kill()
    with a_stranger_at(name):
        assert keys.tpm.unseal(keys.tpm.seal(b"secret", "271828"), "271828") == b"secret"
    assert name_of(keys.folder) != name


def test_a_stranger_at_a_socket_of_its_own_is_not_believed(tmp_path: Path) -> None:
    require_root()
    with open_to_all() as place:
        place.parent.chmod(0o777)
        with a_stranger_at(str(place).encode()):
            os.chown(place, 0, 0)
            with refused(Code.TPM_UNAVAILABLE):
                KeystoreTpm(lambda: connect(place)).seal(b"secret", "271828")


@contextmanager
def a_stranger_at(name: bytes) -> Iterator[None]:
    """Another user listens under a name."""
    reading, writing = os.pipe()
    stranger = os.fork()
    if stranger == 0:
        _pose_as_keystore(name, writing)
    os.close(writing)
    try:
        assert os.read(reading, 1) == b"."
        yield
    finally:
        os.close(reading)
        os.kill(stranger, signal.SIGKILL)
        os.waitpid(stranger, 0)


def _pose_as_keystore(name: bytes, ready: int) -> NoReturn:
    """Take the keystore's name as another user, until killed."""
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(name)
        listener.listen()
        os.write(ready, b".")
        signal.pause()
    os._exit(0)
