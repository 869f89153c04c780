"""The keystore process: the same protocol as in process, for its own user only, through restarts."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key

from appliance.tpm import KeyKind
from appliance.tpm.keystore.audit import FILE_NAME
from appliance.tpm.keystore.client import KeystoreTpm
from appliance.tpm.keystore.messages import MAX_MESSAGE, Status
from appliance.tpm.keystore.starting import connect
from appliance.tpm.protocol import Authorisation
from appliance.tpm.soft import SoftTpm
from media_format import cbor
from media_format.errors import Misuse
from media_format.objects import Kem
from media_format.payload import hpke
from media_format.refusal import Code, Refusal
from tests.tools import require_root
from tests.tpm.keystores import AUTH, Keystore, audit, call, keystore, name_of, served, wait_for
from tests.trust_world import refused

NOBODY = 65534


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keystore]:
    with keystore(tmp_path / "tpm") as made:
        yield made


def test_a_signature_is_that_of_the_public_key(keys: Keystore) -> None:
    signature = keys.tpm.sign("identity", b"message", AUTH)
    key = load_der_public_key(keys.tpm.public("identity"))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key.verify(utils.encode_dss_signature(r, s), b"message", ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(
    ("kind", "kem"), [(KeyKind.DECRYPT_P256, Kem.P256), (KeyKind.DECRYPT_XWING, Kem.XWING)]
)
def test_what_is_encrypted_for_a_key_is_opened(keys: Keystore, kind: KeyKind, kem: Kem) -> None:
    public = keys.tpm.create("transport", kind, AUTH)
    encapsulation, ciphertext = hpke.seal(kem, public, b"content key", b"info")
    assert keys.tpm.open("transport", encapsulation, ciphertext, b"info", AUTH) == b"content key"
    with refused(Code.DECRYPTION_FAILED):
        keys.tpm.open("transport", encapsulation, ciphertext, b"other info", AUTH)


def test_the_wrong_authorisation_uses_no_key(keys: Keystore) -> None:
    with refused(Code.PIN_WRONG):
        keys.tpm.sign("identity", b"message", Authorisation(b"guess"))


def test_what_the_caller_did_wrong_is_said(keys: Keystore) -> None:
    with pytest.raises(Misuse, match="no key"):
        keys.tpm.public("nobody")
    with pytest.raises(Misuse, match="already"):
        keys.tpm.create("identity", KeyKind.SIGN_P256, AUTH)


def test_sealed_data_opens_with_its_pin(keys: Keystore) -> None:
    blob = keys.tpm.seal(b"secret", "271828")
    assert keys.tpm.unseal(blob, "271828") == b"secret"
    assert keys.tpm.unseal(keys.tpm.seal(b"free", None), None) == b"free"


def test_counters_and_the_store_are_kept(keys: Keystore) -> None:
    before = keys.tpm.counter("record")
    assert keys.tpm.increment("record") == before + 1
    keys.tpm.store("note", b"kept")
    keys.kill()
    assert keys.tpm.counter("record") == before + 1
    assert keys.tpm.load("note") == b"kept"
    assert keys.tpm.load("other") is None
    assert len(keys.tpm.random(32)) == 32


def test_a_lock_out_survives_the_keystores_end(keys: Keystore) -> None:
    blob = keys.tpm.seal(b"secret", "271828")
    for _ in range(5):
        with refused(Code.PIN_WRONG):
            keys.tpm.unseal(blob, "0000")
    keys.kill()
    with refused(Code.TPM_LOCKED):
        keys.tpm.unseal(blob, "271828")
    assert keys.tpm.status().locked_until is not None


def test_an_attempt_with_a_pin_is_counted_though_the_keystore_is_killed(keys: Keystore) -> None:
    blob = keys.tpm.seal(b"secret", "271828")
    pidfd = os.pidfd_open(keys.pid)
    attempt = threading.Thread(target=_try_pin, args=(keys.tpm, blob))
    attempt.start()
    wait_for(lambda: any(keys.folder.glob("lockout-*")))
    signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    os.close(pidfd)
    attempt.join()
    assert keys.tpm.status().failures == 1


def _try_pin(tpm: KeystoreTpm, blob: bytes) -> None:
    with refused(Code.TPM_UNAVAILABLE, Code.PIN_WRONG):
        tpm.unseal(blob, "0000")


def test_killed_at_any_time_a_counter_neither_goes_back_nor_wedges(keys: Keystore) -> None:
    known = keys.tpm.counter("record")
    for delay in range(12):
        pidfd = os.pidfd_open(keys.pid)
        assassin = threading.Timer(delay * 0.0005, signal.pidfd_send_signal, (pidfd, signal.SIGKILL))
        assassin.start()
        try:
            while assassin.is_alive():
                known = keys.tpm.increment("record")
        except Refusal as refusal:
            assert refusal.code is Code.TPM_UNAVAILABLE
        assassin.join()
        assert select.select([pidfd], [], [], 60)[0], "the keystore did not end"
        os.close(pidfd)
        found = keys.tpm.counter("record")
        assert known <= found <= known + 1
        known = found


def test_several_threads_share_one_client(keys: Keystore) -> None:
    values: list[int] = []
    threads = [
        threading.Thread(target=lambda: values.extend(keys.tpm.increment("shared") for _ in range(20)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(values) == list(range(1, 81))


def test_clients_that_come_at_once_start_one_keystore(tmp_path: Path) -> None:
    SoftTpm.make(tmp_path / "tpm", lambda: 0)
    clients = [KeystoreTpm(lambda: connect(tmp_path / "tpm")) for _ in range(4)]
    threads = [threading.Thread(target=client.status) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = Keystore(tmp_path / "tpm", clients[0])
    running = subprocess.run(
        ["pgrep", "-c", "-f", f"keystore {tmp_path}/tpm"], capture_output=True, text=True, check=False
    )
    assert running.stdout.strip() == "1"
    for client in clients:
        client.close()
    store.kill()


def test_every_use_is_in_the_audit_without_what_was_used(keys: Keystore) -> None:
    keys.tpm.sign("identity", b"message", AUTH)
    with refused(Code.PIN_WRONG):
        keys.tpm.sign("identity", b"message", Authorisation(b"guess"))
    keys.tpm.unseal(keys.tpm.seal(b"secret", "271828"), "271828")
    uses = [(line["call"], line["name"], line["outcome"]) for line in audit(keys.folder)]
    assert uses == [
        ("create", "identity", "done"),
        ("sign", "identity", "done"),
        ("sign", "identity", "pin-wrong"),
        ("seal", "", "done"),
        ("unseal", "", "done"),
    ]
    assert {line["pid"] for line in audit(keys.folder)} == {os.getpid()}
    assert "271828" not in str(audit(keys.folder))


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


def test_a_keystore_ends_when_nobody_uses_it(tmp_path: Path) -> None:
    SoftTpm.make(tmp_path / "tpm", lambda: 0)
    with served(tmp_path / "tpm", "--idle", "0.05") as process:
        assert process.wait(20) == 0


def test_a_second_keystore_for_the_same_keys_is_refused(tmp_path: Path) -> None:
    SoftTpm.make(tmp_path / "tpm", lambda: 0)
    with served(tmp_path / "tpm"):
        second = subprocess.run(
            [sys.executable, "-I", "-m", "appliance.tpm.keystore", str(tmp_path / "tpm")],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert second.returncode == 1
    assert "tpm-unavailable" in second.stderr


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


@contextmanager
def open_to_all() -> Iterator[Path]:
    """A place for a socket that every user can reach."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "keystore.sock"


def as_user(user: int, place: Path) -> str:
    """What becomes of a call that another user makes."""
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
        os._exit(_call_status(place))
    _, status = os.waitpid(child, 0)
    return {0: "turned away", 1: "answered"}.get(os.waitstatus_to_exitcode(status), "failed")


def _call_status(place: Path) -> int:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(20)
            connection.connect(str(place))
            return _answers(connection)
    except OSError:
        return 2


def _answers(connection: socket.socket) -> int:
    data = cbor.encode(["status"])
    try:
        connection.sendall(struct.pack(">I", len(data)) + data)
        return int(connection.recv(4096) != b"")
    except (BrokenPipeError, ConnectionResetError):
        return 0


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


def test_a_copied_folder_has_a_keystore_of_its_own(keys: Keystore) -> None:
    copy = Keystore(keys.folder.with_name("copy"), keys.tpm)
    shutil.copytree(keys.folder, copy.folder)
    assert copy.pid != keys.pid
    copy.kill()


def test_whoever_is_turned_away_again_and_again_does_not_fill_the_audit(tmp_path: Path) -> None:
    require_root()
    SoftTpm.make(tmp_path / "tpm", lambda: 0)
    with open_to_all() as place, served(tmp_path / "tpm", "--user", "12345", "--socket", str(place)):
        for _ in range(20):
            assert as_user(NOBODY, place) == "turned away"
    assert len(audit(tmp_path / "tpm")) == 1


def test_a_use_whose_trace_cannot_be_written_is_refused(keys: Keystore) -> None:
    lines = keys.folder / FILE_NAME
    lines.unlink()
    lines.symlink_to("/dev/full")
    with refused(Code.TPM_UNAVAILABLE):
        keys.tpm.sign("identity", b"message", AUTH)
    lines.unlink()
    keys.tpm.sign("identity", b"message", AUTH)
    assert [line["call"] for line in audit(keys.folder)] == ["sign"]


def test_long_names_do_not_push_what_was_done_before_out_of_the_audit(keys: Keystore) -> None:
    keys.tpm.sign("identity", b"message", AUTH)
    before = audit(keys.folder)
    for _ in range(2):
        with pytest.raises(Misuse):
            keys.tpm.sign("x" * 1_900_000, b"message", AUTH)
    lines = audit(keys.folder)
    assert lines[: len(before)] == before
    assert [line["name"] for line in lines[len(before) :]] == ["x" * 64] * 2


def test_turning_away_goes_on_where_the_audit_cannot_be_written(tmp_path: Path) -> None:
    require_root()
    SoftTpm.make(tmp_path / "tpm", lambda: 0)
    (tmp_path / "tpm" / FILE_NAME).symlink_to("/dev/full")
    with open_to_all() as place, served(tmp_path / "tpm", "--user", "12345", "--socket", str(place)):
        assert [as_user(NOBODY, place), as_user(12345, place)] == ["turned away", "answered"]


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


@pytest.mark.parametrize("fault", ["absent", "readable by others", "not a folder"])
def test_keys_that_cannot_be_served_are_a_named_refusal(tmp_path: Path, fault: str) -> None:
    folder = tmp_path / "tpm"
    if fault == "readable by others":
        SoftTpm.make(folder, lambda: 0)
        folder.chmod(0o755)
    elif fault == "not a folder":
        folder.write_bytes(b"")
    with refused(Code.TPM_UNAVAILABLE):
        KeystoreTpm(lambda: connect(folder)).status()
