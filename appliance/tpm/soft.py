"""The `soft` backend: the TPM protocol in software, for machines without the chip, for demos and tests.

Keys lie encrypted in a `Vault`; a key's authorisation is part of the key it is encrypted with. There
is no counting of wrong authorisations: they are random secrets of 256 bits. PINs are stretched with
Argon2id (RFC 9106) and counted (`lockout`).
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, utils, x25519
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from appliance.tpm.lockout import ALLOWED, Lockout
from appliance.tpm.protocol import Authorisation, KeyKind, TpmStatus
from appliance.tpm.vault import Closed, Replace, Vault, unavailable
from media_format.durable import replace_file
from media_format.errors import Misuse
from media_format.kem import Kem
from media_format.payload import hpke
from media_format.refusal import Code, Refusal

_SEAL_LIMIT: Final = 4096
_STORE_LIMIT: Final = 2048
_ARGON_MEMORY: Final = 64 * 1024
"""KiB of memory for one PIN attempt."""
_ARGON_PASSES: Final = 3
_SALT: Final = 16
_WITH_PIN, _WITHOUT_PIN = b"\x01", b"\x00"
_KINDS: Final = tuple(KeyKind)
_XWING_SEED: Final = 64


class SoftTpm:
    """A TPM kept in a directory. Implements `appliance.tpm.protocol.Tpm`."""

    def __init__(self, vault: Vault, now: Callable[[], int]) -> None:
        self._vault = vault
        self._now = now

    @classmethod
    def make(cls, folder: Path, now: Callable[[], int], replace: Replace = replace_file) -> SoftTpm:
        """A new TPM in `folder`. Misuse if there is one."""
        return cls(Vault.create(folder, os.urandom(32), replace), now)

    @classmethod
    def load_from(cls, folder: Path, now: Callable[[], int], replace: Replace = replace_file) -> SoftTpm:
        """The TPM in `folder`. Refusal(tpm-unavailable) if there is none or others could read it."""
        return cls(Vault(folder, replace), now)

    def random(self, size: int) -> bytes:
        return os.urandom(size)

    def create(self, key: str, kind: KeyKind, auth: Authorisation) -> bytes:
        with self._vault.locked():
            if self._vault.exists("public", key):
                raise Misuse(f"the TPM has a key {key!r} already")
            private, public = _generate(kind)
            self._vault.write("key", key, private, self.random(12), auth.secret)
            tagged = bytes([_KINDS.index(kind)]) + public
            self._vault.write("public", key, tagged, self.random(12))
        return public

    def public(self, key: str) -> bytes:
        return self._kind_and_public(key)[1]

    def sign(self, key: str, message: bytes, auth: Authorisation) -> bytes:
        private = _load_ec(self._private(key, KeyKind.SIGN_P256, auth))
        r, s = utils.decode_dss_signature(private.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def open(
        self, key: str, encapsulation: bytes, ciphertext: bytes, info: bytes, auth: Authorisation
    ) -> bytes:
        kind = self._kind_and_public(key)[0]
        if kind is KeyKind.SIGN_P256:
            raise Misuse(f"the key {key!r} signs and does not decrypt")
        raw = self._private(key, kind, auth)
        if kind is KeyKind.DECRYPT_P256:
            return hpke.open_with_private(Kem.P256, _load_ec(raw), encapsulation, ciphertext, info)
        return hpke.open_with_private(Kem.XWING, _load_xwing(raw), encapsulation, ciphertext, info)

    def seal(self, data: bytes, pin: str | None) -> bytes:
        if len(data) > _SEAL_LIMIT:
            raise Misuse(f"the TPM seals at most {_SEAL_LIMIT} bytes")
        nonce = self.random(12)
        if pin is None:
            return _WITHOUT_PIN + self._vault.seal("sealed", data, nonce)
        salt = self.random(_SALT)
        inner = salt + self._vault.seal("sealed-pin", data, nonce, _stretch(pin, salt))
        # The outer layer tells damaged data from a wrong PIN, so that it is not counted as one.
        return _WITH_PIN + self._vault.seal("sealed-outer", inner, self.random(12))

    def unseal(self, blob: bytes, pin: str | None) -> bytes:
        head, body = blob[:1], blob[1:]
        if head not in (_WITH_PIN, _WITHOUT_PIN) or (head == _WITH_PIN) != (pin is not None):
            raise unavailable("the sealed data is not of this TPM")
        if pin is None:
            return self._open_sealed("sealed", body, b"")
        inner = self._open_sealed("sealed-outer", body, b"")
        with self._vault.locked():
            # Counted for each sealed blob: a person's right PIN forgives nobody else's wrong ones.
            owner = hashlib.sha256(inner[:_SALT]).hexdigest()[:16]
            before = self._count_attempt(owner)
            try:
                data = self._vault.open("sealed-pin", inner[_SALT:], _stretch(pin, inner[:_SALT]))
            except Closed:
                raise Refusal(Code.PIN_WRONG, _left(ALLOWED - before.failures - 1)) from None
            self._write_lockout(owner, Lockout())
        return data

    def counter(self, name: str) -> int:
        raw = self._entry("counter", name)
        return 0 if raw is None else int(struct.unpack(">Q", raw)[0])

    def increment(self, name: str) -> int:
        with self._vault.locked():
            value = self.counter(name) + 1
            self._vault.write("counter", name, struct.pack(">Q", value), self.random(12))
        return value

    def store(self, name: str, value: bytes) -> None:
        if len(value) > _STORE_LIMIT:
            raise Misuse(f"the TPM stores at most {_STORE_LIMIT} bytes under a name")
        with self._vault.locked():
            self._vault.write("store", name, value, self.random(12))

    def load(self, name: str) -> bytes | None:
        return self._entry("store", name)

    def status(self) -> TpmStatus:
        lockouts = [self._lockout(owner) for owner in self._vault.names("lockout")]
        failures = max((lockout.failures for lockout in lockouts), default=0)
        until = max((lockout.until for lockout in lockouts if lockout.until is not None), default=0)
        return TpmStatus("soft", tuple(KeyKind), failures, ALLOWED, until if until > self._now() else None)

    def close(self) -> None:
        """Nothing is held open."""

    def _kind_and_public(self, key: str) -> tuple[KeyKind, bytes]:
        raw = self._entry("public", key)
        if raw is None:
            raise Misuse(f"the TPM has no key {key!r}")
        return _KINDS[raw[0]], raw[1:]

    def _private(self, key: str, kind: KeyKind, auth: Authorisation) -> bytes:
        if self._kind_and_public(key)[0] is not kind:
            raise Misuse(f"the key {key!r} is not of kind {kind}")
        try:
            raw = self._vault.read("key", key, auth.secret)
        except Closed:
            raise Refusal(Code.PIN_WRONG, f"the authorisation for the key {key!r} is wrong") from None
        if raw is None:
            raise unavailable(f"the key {key!r} is missing from the TPM's state")
        return raw

    def _entry(self, kind: str, name: str) -> bytes | None:
        try:
            return self._vault.read(kind, name)
        except Closed:
            raise unavailable(f"the entry {name!r} of the TPM's state was changed") from None

    def _open_sealed(self, purpose: str, body: bytes, auth: bytes) -> bytes:
        try:
            return self._vault.open(purpose, body, auth)
        except Closed:
            raise unavailable("the sealed data is not of this TPM, or was changed") from None

    def _count_attempt(self, owner: str) -> Lockout:
        """Count the attempt as failed before it is tried; returns what was before."""
        now = self._now()
        before = self._lockout(owner).seen(now)
        if before.until is not None and now < before.until:
            self._write_lockout(owner, before)
        before.check(now)
        self._write_lockout(owner, before.failed(now))
        return before

    def _lockout(self, owner: str) -> Lockout:
        raw = self._entry("lockout", owner)
        return Lockout() if raw is None else Lockout(*struct.unpack(">QQ", raw))

    def _write_lockout(self, owner: str, lockout: Lockout) -> None:
        raw = struct.pack(">QQ", lockout.failures, lockout.last)
        self._vault.write("lockout", owner, raw, self.random(12))


def _left(attempts: int) -> str:
    """What the next wrong PINs come to."""
    if attempts <= 0:
        return "this PIN is locked now"
    return "1 more wrong one locks this PIN" if attempts == 1 else f"{attempts} more wrong ones lock this PIN"


def _stretch(pin: str, salt: bytes) -> bytes:
    kdf = Argon2id(salt=salt, length=32, iterations=_ARGON_PASSES, lanes=1, memory_cost=_ARGON_MEMORY)
    return kdf.derive(pin.encode())


def _generate(kind: KeyKind) -> tuple[bytes, bytes]:
    """A new key: private and public bytes."""
    if kind is not KeyKind.DECRYPT_XWING:
        private = ec.generate_private_key(ec.SECP256R1())
        return (
            private.private_bytes(
                serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
            private.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            ),
        )
    lattice, curve = mlkem.MLKEM768PrivateKey.generate(), x25519.X25519PrivateKey.generate()
    return (
        lattice.private_bytes_raw() + curve.private_bytes_raw(),
        lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw(),
    )


def _load_ec(raw: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_der_private_key(raw, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _load_xwing(raw: bytes) -> MLKEM768X25519PrivateKey:
    return MLKEM768X25519PrivateKey(
        mlkem.MLKEM768PrivateKey.from_seed_bytes(raw[:_XWING_SEED]),
        x25519.X25519PrivateKey.from_private_bytes(raw[_XWING_SEED:]),
    )
