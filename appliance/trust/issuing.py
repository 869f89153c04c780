"""Issuing: the vendor's certificates and revocation lists, in the project's profile.

Roots and issuing CAs use P-384 with SHA-384 (or ML-DSA-65), one issuing CA for each purpose. Leaves of
boxes and devices certify P-256 keys. Keys and times are passed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, mldsa

from appliance.trust.enrolment import VerifiedEnrolment
from appliance.trust.profile import ReleaseBinding, RoleIdentity
from appliance.trust.purpose import Purpose
from media_format.cose import VerifyingKey
from media_format.objects import Family

DAY: Final = 86400
CA_LIFETIME: Final = 20 * 365 * DAY
SIGNER_LIFETIME: Final = 2 * 365 * DAY
BOX_LIFETIME: Final = 2 * 365 * DAY
NEVER: Final = 253402300799
"""99991231235959Z: no expiry (RFC 5280, 4.1.2.5). Roots, device CAs and devices (IEEE 802.1AR)."""

IssuerKey: TypeAlias = ec.EllipticCurvePrivateKey | mldsa.MLDSA65PrivateKey


@dataclass(frozen=True, slots=True)
class Issuer:
    """A CA that can issue: its certificate, its private key, and `chain`, the CAs to send along with what it
    issues (DER, itself first, without the root; empty for a root).
    """

    certificate: x509.Certificate
    key: IssuerKey = field(repr=False)
    chain: tuple[bytes, ...]

    @property
    def id(self) -> bytes:
        """How CRL numbers name it."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The answer to an enrolment: two chains, each DER, leaf first, without the root."""

    identity: tuple[bytes, ...]
    encryption: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Revocation:
    """A certificate's serial number and since when it is revoked, in seconds since the epoch."""

    serial: int
    since: int


def generate_issuer_key(family: Family) -> IssuerKey:
    """A new key for a root or an issuing CA."""
    raise NotImplementedError


def create_root(vendor: str, key: IssuerKey, now: int) -> Issuer:
    """A self-signed root that does not expire: it is pinned, and only ever replaced by a signed directive."""
    raise NotImplementedError


def create_issuing_ca(root: Issuer, vendor: str, purpose: Purpose, key: IssuerKey, now: int) -> Issuer:
    """An issuing CA below `root` for RELEASE_CA, BOX_CA or DEVICE_CA. Misuse for other purposes."""
    raise NotImplementedError


def issue_release_signer(
    ca: Issuer,
    key: VerifyingKey,
    identity: RoleIdentity,
    binding: ReleaseBinding,
    now: int,
    lifetime: int = SIGNER_LIFETIME,
) -> tuple[bytes, ...]:
    """The chain of a release signer bound to one release."""
    raise NotImplementedError


def issue_sealer(
    ca: Issuer, key: VerifyingKey, identity: RoleIdentity, now: int, lifetime: int = SIGNER_LIFETIME
) -> tuple[bytes, ...]:
    """The chain of a release sealer."""
    raise NotImplementedError


def issue_directive_signer(
    ca: Issuer, key: VerifyingKey, identity: RoleIdentity, now: int, lifetime: int = SIGNER_LIFETIME
) -> tuple[bytes, ...]:
    """The chain of a directive signer."""
    raise NotImplementedError


def issue_box(ca: Issuer, enrolment: VerifiedEnrolment, now: int, lifetime: int = BOX_LIFETIME) -> Enrolled:
    """A box's certificates. Misuse where the enrolment is not a box's."""
    raise NotImplementedError


def issue_device(ca: Issuer, enrolment: VerifiedEnrolment, now: int) -> Enrolled:
    """A device's certificates; they do not expire. Misuse where the enrolment is not a device's."""
    raise NotImplementedError


def issue_crl(
    issuer: Issuer, revoked: Sequence[Revocation], number: int, now: int, next_update: int
) -> bytes:
    """A revocation list (RFC 5280, section 5) in DER. `number` must be above that of the one before."""
    raise NotImplementedError
