"""A program of its own that looks for secrets in the memory of other processes. Needs root.

Whoever looks for a secret has it in memory, so the test itself does not. It reads two lines of JSON and
answers each with one: the machines whose secrets are meant (`tpm` folder, and of a box the person's `sealed`
right and `pin`), then for each process a text that it has surely in memory. The answer counts, for each
process, the text ("control") and every secret.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key

from appliance.tpm.soft import SoftTpm, _stretch
from appliance.tpm.vault import Vault

_LINE = re.compile(r"(\w+)-(\w+) (\S+)")
_UNREADABLE = ("[vvar]", "[vsyscall]", "[vvar_vclock]")
_SALT = 16
_XWING_SEED = 64
_PIECE = 32 << 20
_OVERLAP = 4096

Secrets = dict[str, list[bytes]]
"""What to look for under a name: any of several encodings."""


def secrets_of(machine: dict[str, str]) -> Secrets:
    """The secrets of a soft TPM; with a person's PIN the keys that it leads to."""
    folder, auth = Path(machine["tpm"]), b""
    vault = Vault(folder)
    found: Secrets = {"machine secret": [(folder / "machine-secret").read_bytes()]}
    if "pin" in machine:
        pin, sealed = machine["pin"], bytes.fromhex(machine["sealed"])
        auth = SoftTpm.load_from(folder, lambda: 0).unseal(sealed, pin)
        salt = vault.open("sealed-outer", sealed[1:])[:_SALT]
        found |= {"PIN": [pin.encode()], "authorisation": [auth], "stretched PIN": [_stretch(pin, salt)]}
    for path in sorted(folder.glob("key-*")):
        name = path.name.removeprefix("key-")
        raw = vault.read("key", name, auth)
        assert raw is not None
        found[f"key {name}"] = list(_encodings(raw))
    return found


def _encodings(raw: bytes) -> Iterator[bytes]:
    """How a private key can lie in memory. OpenSSL has the lowest byte first, DER the highest."""
    if len(raw) == _XWING_SEED + 32:
        yield from (raw[:_XWING_SEED], raw[_XWING_SEED:])
        return
    key = load_der_private_key(raw, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    scalar = key.private_numbers().private_value.to_bytes(32, "big")
    yield from (scalar, scalar[::-1])


def counted(pid: int, patterns: Secrets) -> dict[str, int]:
    """How often each secret lies in a process's memory, every readable mapping of it."""
    found = dict.fromkeys(patterns, 0)
    for piece in _memory(pid):
        for name, encodings in patterns.items():
            found[name] += sum(piece.count(encoding) for encoding in encodings)
    return found


def _memory(pid: int) -> Iterator[bytes]:
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place = _LINE.match(line)
            assert place is not None
            if not place[3].startswith("r") or line.endswith(_UNREADABLE):
                continue
            start, end = int(place[1], 16), int(place[2], 16)
            for offset in range(start, end, _PIECE):
                memory.seek(offset)
                try:
                    yield memory.read(min(end - offset, _PIECE + _OVERLAP))
                except OSError:
                    break  # a mapping past its file's end


def main() -> None:
    """Learn the secrets, say so, then look where one is told."""
    machines: dict[str, dict[str, str]] = json.loads(sys.stdin.readline())
    known = {
        f"{machine} {name}": encodings
        for machine, about in machines.items()
        for name, encodings in secrets_of(about).items()
    }
    print(json.dumps(sorted(known)), flush=True)
    controls: dict[str, str] = json.loads(sys.stdin.readline())
    answer: dict[str, Any] = {
        pid: counted(int(pid), known | {"control": [text.encode()]}) for pid, text in controls.items()
    }
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
