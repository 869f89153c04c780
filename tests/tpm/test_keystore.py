"""The keystore: one process holds the soft TPM's keys and answers for them."""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key

from appliance.tpm import KeyKind
from appliance.tpm.keystore.client import KeystoreTpm
from appliance.tpm.keystore.starting import connect
from appliance.tpm.protocol import Authorisation
from appliance.tpm.soft import SoftTpm
from media_format.errors import Misuse
from media_format.objects import Kem
from media_format.payload import hpke
from media_format.refusal import Code, Refusal
from tests.tpm.keystores import AUTH, Keystore, served, wait_for
from tests.trust_world import refused


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


def test_a_copied_folder_has_a_keystore_of_its_own(keys: Keystore) -> None:
    copy = Keystore(keys.folder.with_name("copy"), keys.tpm)
    shutil.copytree(keys.folder, copy.folder)
    assert copy.pid != keys.pid
    copy.kill()


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
