"""The trust anchor: what a device and a box are born with.

It travels to them once, at enrolment, never on a medium.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import ClassVar

from media_format import limits
from media_format.objects.manifest import FORMAT, SHORT
from media_format.wire import Blob, Flag, Many, Nested, Number, Record, Uint, Word, key, malformed, record

CERTIFICATE = Blob(1, limits.MAX_CERTIFICATE)
"""An X.509 certificate in DER (RFC 5280)."""


class Family(IntEnum):
    """Families of signature algorithms. A family's signatures count only under a root of that family."""

    ECDSA = 1
    """ES256, ES384 and EdDSA leaves under ECDSA issuers."""
    ML_DSA = 2
    """ML-DSA-65 leaves and issuers (FIPS 204)."""


class Mode(StrEnum):
    """How a package may be protected."""

    SEALED = "sealed"
    """One ciphertext for one device."""
    SHARED = "shared"
    """One ciphertext, several devices as recipients."""
    SIGNED = "signed"
    """No encryption."""


@record
class Root(Record):
    """A root certificate and the family it is trusted for."""

    NAME: ClassVar[str] = "root"

    family: Family = key(1, Number(Family))
    certificate: bytes = key(2, CERTIFICATE)


@record
class SignatureRule(Record):
    """At least `count` different release signers of one family must have signed a manifest."""

    NAME: ClassVar[str] = "signature rule"

    family: Family = key(1, Number(Family))
    count: int = key(2, Uint(1, limits.MAX_SIGNATURES))


@record
class Policy(Record):
    """What a fleet demands. Durations in seconds.

    `crl_max_age`: how old a revocation list may be, None where their age is not judged.
    `clock_horizon`: how far past the time floor a clock is believed.
    `nonce_boots`, `nonce_uptime`: how long a request's nonce may prove time to a device without a clock.
    `box_time`: whether such a device may take the time from a box at all.
    `unrequested`: whether packages that answer no request are accepted.
    """

    NAME: ClassVar[str] = "policy"

    signatures: tuple[SignatureRule, ...] = key(1, Many(Nested(SignatureRule), 4, 1))
    crl_max_age: int | None = key(2, Uint(1), default=None)
    clock_horizon: int = key(3, Uint(1))
    nonce_boots: int = key(4, Uint())
    nonce_uptime: int = key(5, Uint())
    box_time: bool = key(6, Flag())
    unrequested: bool = key(7, Flag())
    modes: tuple[Mode, ...] = key(8, Many(Word(Mode), 3, 1))


@record
class TrustAnchor(Record):
    """Roots and policy. Unsigned: whoever hands it to a device decides whom the device trusts."""

    NAME: ClassVar[str] = "trust anchor"
    LIMIT: ClassVar[int] = limits.MAX_ANCHOR

    format: int = key(1, FORMAT)
    vendor: str = key(2, SHORT)
    roots: tuple[Root, ...] = key(3, Many(Nested(Root), 8, 1))
    policy: Policy = key(4, Nested(Policy))

    def check(self, path: str) -> None:
        pinned = {root.family for root in self.roots}
        if not {rule.family for rule in self.policy.signatures} <= pinned:
            raise malformed(path, "a signature rule names a family without a root")
