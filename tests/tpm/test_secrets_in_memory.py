"""Where private keys are while they are used: in the keystore's memory, and in no other process's."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools import require_root
from tests.tpm.keystores import AUTH, Keystore, keystore

# Reads the key from the vault and looks for it in the memory of processes. It is a program of its own,
# because who looks for a key has it in memory. OpenSSL keeps numbers with the lowest bytes first, DER the
# highest.
SEARCH = """
import json, re, sys
from pathlib import Path
from cryptography.hazmat.primitives.serialization import load_der_private_key
from appliance.tpm.vault import Vault

folder, secret, *pids = sys.argv[1:]
der = Vault(Path(folder)).read("key", "identity", bytes.fromhex(secret))
scalar = load_der_private_key(der, None).private_numbers().private_value.to_bytes(32, "big")
found = {}
for pid in pids:
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            start, end, mode = re.match(r"(\\w+)-(\\w+) (\\S+)", line).groups()
            if mode.startswith("r") and not line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
                memory.seek(int(start, 16))
                try:
                    data = memory.read(int(end, 16) - int(start, 16))
                except OSError:
                    continue
                found[pid] = found.get(pid, 0) + data.count(scalar) + data.count(scalar[::-1])
print(json.dumps(found))
"""

# Uses the key again and again, as a box or a device does, until it is told to stop.
USER = """
import sys
from pathlib import Path
from appliance.tpm.keystore.client import KeystoreTpm
from appliance.tpm.keystore.starting import connect
from appliance.tpm.protocol import Authorisation

tpm = KeystoreTpm(lambda: connect(Path(sys.argv[1])))
for _ in range(200):
    tpm.sign("identity", b"message", Authorisation(bytes.fromhex(sys.argv[2])))
print("used", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keystore]:
    require_root()
    with keystore(tmp_path / "tpm") as made:
        yield made


def run(program: str, *words: str) -> str:
    command = [sys.executable, "-I", "-c", program, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def test_private_keys_are_in_the_keystores_memory_only(keys: Keystore) -> None:
    words = (str(keys.folder), AUTH.secret.hex())
    user = subprocess.Popen(
        [sys.executable, "-I", "-c", USER, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with user:
        assert user.stdout is not None
        assert user.stdout.readline() == b"used\n"
        found = json.loads(run(SEARCH, *words, str(keys.pid), str(user.pid), str(os.getpid())))
    assert found[str(user.pid)] == 0
    assert found[str(os.getpid())] == 0
    assert found[str(keys.pid)] > 0


def test_the_keystore_leaves_no_core_and_gains_no_privileges(keys: Keystore) -> None:
    limits = Path(f"/proc/{keys.pid}/limits").read_text()
    assert re.search(r"Max core file size +0 +0 ", limits)
    assert "NoNewPrivs:\t1" in Path(f"/proc/{keys.pid}/status").read_text()


def test_the_keystores_memory_is_not_swapped_out(keys: Keystore) -> None:
    status = Path(f"/proc/{keys.pid}/status").read_text()
    locked = re.search(r"VmLck:\s+(\d+) kB", status)
    assert locked is not None
    assert int(locked[1]) > 0


def test_a_hardened_process_is_closed_to_others_of_its_user() -> None:
    require_root()
    tried = run(
        textwrap.dedent(
            """
            import ctypes, os, signal
            from appliance.process.hardening import harden

            def read_memory(pid):
                try:
                    open(f"/proc/{pid}/mem", "rb").close()
                    return "read"
                except PermissionError:
                    return "refused"

            def attach(pid):
                return "attached" if ctypes.CDLL(None).ptrace(16, pid, 0, 0) == 0 else "refused"

            os.setgid(65534), os.setuid(65534)
            ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
            for hardened in (False, True):
                reading, writing = os.pipe()
                victim = os.fork()
                if victim == 0:
                    if hardened:
                        harden()
                    os.write(writing, b".")
                    signal.pause()
                os.read(reading, 1)
                print(read_memory(victim), attach(victim), flush=True)
                os.kill(victim, signal.SIGKILL)
            """
        )
    )
    assert tried.splitlines() == ["read attached", "refused refused"]
