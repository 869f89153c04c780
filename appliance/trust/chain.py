"""Certificate chains: from a leaf up to a root of the trust anchor, and what the leaf then stands for.

Paths are built with `cryptography`'s verifier (RFC 5280, section 6) at the chain's own latest notBefore:
whether dates are right is judged afterwards, by trusted time, because a path must be known to be the
vendor's before its dates can say anything. Roots are pinned, so a root's expiry is never judged.
Purposes are bounded by issuers: a CA issues nothing but what its own purpose covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.x509 import verification

from appliance.trust.profile import (
    UNREADABLE,
    Profile,
    ReleaseBinding,
    RoleIdentity,
    issuer_id,
    key_family,
    read_certificate,
    read_profile,
    spki,
)
from appliance.trust.purpose import Purpose
from media_format import limits
from media_format.objects import DeviceKind, Family, TrustAnchor
from media_format.payload.recipients import RecipientKey
from media_format.refusal import Code, Refusal

WARNING_DAYS: Final = (90, 30)
"""Days before an expiry from which on people are warned."""


@dataclass(frozen=True, slots=True)
class VerifiedIssuer:
    """A CA whose path to a root was verified, or that root. Made in this module only."""

    certificate: x509.Certificate

    @property
    def id(self) -> bytes:
        """How CRL numbers name it: SHA-256 over its SubjectPublicKeyInfo."""
        return issuer_id(self.certificate)


@dataclass(frozen=True, slots=True)
class VerifiedCertificate:
    """A leaf whose path to a root and whose purpose were verified. Made by `verify_chain` only.

    `path` leads from the leaf to the root. Dates and revocation are judged apart.
    """

    path: tuple[x509.Certificate, ...]
    purpose: Purpose
    family: Family
    profile: Profile

    @property
    def certificate(self) -> x509.Certificate:
        """The leaf."""
        return self.path[0]

    @property
    def key(self) -> object:
        """The leaf's public key, for `media_format.cose.Signature.verify`."""
        return self.certificate.public_key()

    @property
    def spki(self) -> bytes:
        """The leaf's SubjectPublicKeyInfo."""
        return spki(self.certificate.public_key())

    @property
    def identity(self) -> RoleIdentity:
        """Who holds the key."""
        return self.profile.identity

    @property
    def release(self) -> ReleaseBinding | None:
        """The release a release signer may sign; None for other purposes."""
        return self.profile.release

    @property
    def kind(self) -> DeviceKind | None:
        """What a device is; None for other purposes."""
        return self.profile.kind

    @property
    def encryption(self) -> RecipientKey | None:
        """The key that may be sealed to; None for purposes that sign."""
        return self.profile.encryption

    @property
    def issuers(self) -> tuple[VerifiedIssuer, ...]:
        """The CAs above the leaf, the root last."""
        return tuple(VerifiedIssuer(certificate) for certificate in self.path[1:])


@dataclass(frozen=True, slots=True)
class ExpiryWarning:
    """A certificate or package that ends within 90 or 30 days; `within` is which of the two."""

    subject: str
    expires: int
    within: int


def verify_chain(chain: Sequence[bytes], anchor: TrustAnchor, purpose: Purpose) -> VerifiedCertificate:
    """Verify a chain (DER, leaf first, without the root) for one purpose, without regard to dates.

    Raises Refusal(malformed) or (too-large) for certificates that cannot be read, Refusal(chain-invalid)
    where no path leads to a root of the leaf's own family of algorithms, Refusal(purpose-mismatch) where
    the leaf, or a CA above it, was issued for something else.
    """
    raise NotImplementedError


def verify_issuers(certificates: Sequence[bytes], anchor: TrustAnchor) -> tuple[VerifiedIssuer, ...]:
    """The roots of the anchor, and those issuing CAs among `certificates` that lead to one. Never refuses."""
    raise NotImplementedError


def judge_dates(certificate: VerifiedCertificate, at: int) -> None:
    """Check that the leaf and the CAs below the root are valid at `at` (seconds since the epoch).

    Raises Refusal(certificate-not-yet-valid) or Refusal(certificate-expired).
    """
    raise NotImplementedError


def expiry_warnings(certificate: VerifiedCertificate, at: int) -> tuple[ExpiryWarning, ...]:
    """The certificates below the root that expire within 90 days of `at`."""
    raise NotImplementedError
