"""The TPM abstraction: what the project may do with keys. No call returns a private one.

The shape is that of messages: plain values in and out, no object that lives on. Every call that
uses a key carries an `Authorisation`. Backends: `soft` (software), later `tpm2` and `pkcs11`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class KeyKind(StrEnum):
    """What a key is for. A key does one thing only."""

    SIGN_P256 = "sign-p256"
    """ECDSA with SHA-256 on P-256 (COSE ES256)."""
    DECRYPT_P256 = "decrypt-p256"
    """HPKE DHKEM(P-256, HKDF-SHA256)."""
    DECRYPT_XWING = "decrypt-xwing"
    """HPKE with ML-KEM-768 + X25519 (X-Wing). Not every backend can hold one."""


@dataclass(frozen=True, slots=True)
class Authorisation:
    """The right to use a key: a secret given when the key was created, empty where none was."""

    secret: bytes = field(default=b"", repr=False)


NO_AUTHORISATION = Authorisation()


@dataclass(frozen=True, slots=True)
class TpmStatus:
    """Health of the backend: `locked_until` (seconds since the epoch) is set while PINs are locked out."""

    backend: str
    kinds: tuple[KeyKind, ...]
    failures: int
    failures_allowed: int
    locked_until: int | None


class Tpm(Protocol):
    """Keys, sealing, counters and a small authenticated store.

    Every method raises Refusal(tpm-unavailable) when the backend does not answer or its state is
    damaged, and Misuse for unknown names, or a key used against its kind. A call with the wrong
    authorisation is Refusal(pin-wrong).
    """

    def random(self, size: int) -> bytes:
        """`size` random bytes from the backend's generator."""
        ...

    def create(self, key: str, kind: KeyKind, auth: Authorisation) -> bytes:
        """Create a key that needs `auth` for every use; returns its public half. Misuse if it exists."""
        ...

    def public(self, key: str) -> bytes:
        """The public key: SubjectPublicKeyInfo (DER) for P-256 keys, 1216 raw bytes for X-Wing."""
        ...

    def sign(self, key: str, message: bytes, auth: Authorisation) -> bytes:
        """ES256 signature over `message`: r || s, 64 bytes (RFC 9053 section 2.1)."""
        ...

    def open(
        self, key: str, encapsulation: bytes, ciphertext: bytes, info: bytes, auth: Authorisation
    ) -> bytes:
        """HPKE base-mode open (RFC 9180 section 6.1), one message, empty AAD, HKDF-SHA256, AES-256-GCM.

        Raises Refusal(decryption-failed) when the ciphertext does not belong to this key and info.
        """
        ...

    def seal(self, data: bytes, pin: str | None) -> bytes:
        """Encrypt up to 4 KiB so that only this TPM opens it again, with `pin` where one is given."""
        ...

    def unseal(self, blob: bytes, pin: str | None) -> bytes:
        """Open what `seal` made.

        A wrong PIN is counted and raises Refusal(pin-wrong); after too many, Refusal(tpm-locked)
        until the lock-out has passed. A foreign or changed blob raises Refusal(tpm-unavailable).
        """
        ...

    def counter(self, name: str) -> int:
        """The value of a monotonic counter; it starts anywhere and only steps by one."""
        ...

    def increment(self, name: str) -> int:
        """Step a monotonic counter durably; returns the new value."""
        ...

    def store(self, name: str, value: bytes) -> None:
        """Keep up to 2 KiB under a name, authenticated, replacing what was there."""
        ...

    def load(self, name: str) -> bytes | None:
        """What `store` kept, or None."""
        ...

    def status(self) -> TpmStatus:
        """Health and lock-out."""
        ...

    def close(self) -> None:
        """Let go of the backend."""
        ...
