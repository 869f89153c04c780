"""Certificate chains: from a leaf up to a root of the trust anchor, and what the leaf then stands for.

Paths are built without regard to dates (`appliance.trust.path`), which are judged afterwards by trusted
time. Roots are pinned, so a root's expiry is never judged.
Purposes are bounded by issuers: a CA issues nothing but what its own purpose covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509

from appliance.trust.clock import DAY
from appliance.trust.path import build_path
from appliance.trust.profile import (
    Profile,
    ReleaseBinding,
    RoleIdentity,
    issuer_id,
    key_family,
    key_usage,
    leaf_key_usage,
    read_certificate,
    read_profile,
    spki,
    usage,
)
from appliance.trust.purpose import ISSUING, Purpose
from media_format import limits
from media_format.objects import DeviceKind, Family, TrustAnchor
from media_format.payload.recipients import RecipientKey
from media_format.refusal import Code, Refusal

_CRITICAL: Final = (x509.BasicConstraints, x509.KeyUsage)
"""The extensions that may be critical."""
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
    if not 2 <= len(chain) <= limits.MAX_CHAIN:
        raise Refusal(
            Code.CHAIN_INVALID, f"a chain of {len(chain)} certificates, not 2 to {limits.MAX_CHAIN}"
        )
    given = tuple(read_certificate(der) for der in chain)
    path, family = _path(given, anchor)
    if path[:-1] != given:
        raise Refusal(Code.CHAIN_INVALID, "the chain holds certificates that do not belong to it")
    _check_family(path[1:] if purpose.encrypts else path, family)
    _check_purposes(path, purpose)
    return VerifiedCertificate(path, purpose, family, read_profile(path[0], purpose))


def verify_issuers(certificates: Sequence[bytes], anchor: TrustAnchor) -> tuple[VerifiedIssuer, ...]:
    """The roots of the anchor, and the issuing CAs among `certificates` that they issued. Never refuses."""
    found = [root for family in Family for root in _roots(anchor, family)]
    for der in certificates:
        try:
            certificate = read_certificate(der)
            if any(usage(certificate) == [purpose.oid] for purpose in ISSUING):
                path, family = _path((certificate,), anchor)
                _check_family(path, family)
                found.append(certificate)
        except Refusal:
            continue
    return tuple(VerifiedIssuer(certificate) for certificate in found)


def _path(
    given: tuple[x509.Certificate, ...], anchor: TrustAnchor
) -> tuple[tuple[x509.Certificate, ...], Family]:
    """The path from the first certificate to a root, which is one of the last certificate's family."""
    family = key_family(given[-1].public_key())
    roots = _roots(anchor, family)
    if family is None or not roots:
        raise Refusal(Code.CHAIN_INVALID, "no root of this family of algorithms is trusted here")
    path = build_path(given, roots)
    _check_form(path)
    return path, family


def _roots(anchor: TrustAnchor, family: Family | None) -> list[x509.Certificate]:
    roots = [read_certificate(root.certificate) for root in anchor.roots if root.family is family]
    return [root for root in roots if key_family(root.public_key()) is family]


def _check_form(path: Sequence[x509.Certificate]) -> None:
    """Every certificate has a name, names its key and its issuer's, and constrains no names.

    The library knows more critical extensions than the profile does: those others are refused here.
    """
    for certificate, issuer in zip(path, (*path[1:], path[-1]), strict=True):
        if _key_ids(certificate) != (issuer_id(certificate), issuer_id(issuer)):
            raise Refusal(Code.CHAIN_INVALID, "a certificate does not name its key and its issuer's")
        if not list(certificate.subject):
            raise Refusal(Code.CHAIN_INVALID, "a certificate without a name")
        if any(isinstance(found.value, x509.NameConstraints) for found in certificate.extensions):
            raise Refusal(
                Code.CHAIN_INVALID, "a certificate that constrains names, which the profile does not"
            )
        if any(found.critical and not isinstance(found.value, _CRITICAL) for found in certificate.extensions):
            raise Refusal(Code.CHAIN_INVALID, "a critical extension that the profile does not know")


def _key_ids(certificate: x509.Certificate) -> tuple[bytes | None, bytes | None]:
    """The subject and the authority key identifier."""
    found = certificate.extensions
    try:
        own = found.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        return own, found.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
    except x509.ExtensionNotFound:
        return None, None


def _check_family(path: Sequence[x509.Certificate], family: Family) -> None:
    if any(key_family(certificate.public_key()) is not family for certificate in path):
        raise Refusal(Code.CHAIN_INVALID, "the chain mixes families of algorithms")


def _check_purposes(path: tuple[x509.Certificate, ...], purpose: Purpose) -> None:
    leaf, *issuers = path[:-1]
    if purpose.issuer is None or usage(leaf) != [purpose.oid]:
        raise Refusal(Code.PURPOSE_MISMATCH, f"the certificate is not for {purpose.words}")
    if any(usage(issuer) != [purpose.issuer.oid] for issuer in issuers):
        raise Refusal(Code.PURPOSE_MISMATCH, f"a CA in the chain may not issue for {purpose.words}")
    if key_usage(leaf) != leaf_key_usage(purpose) or _is_ca(leaf):
        raise Refusal(Code.PURPOSE_MISMATCH, "the certificate's key usage does not fit its purpose")


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def judge_dates(certificate: VerifiedCertificate, at: int) -> None:
    """Check that the leaf and the CAs below the root are valid at `at` (seconds since the epoch).

    Raises Refusal(certificate-not-yet-valid) or Refusal(certificate-expired).
    """
    for found in certificate.path[:-1]:
        judge_period(found, at)


def judge_period(certificate: x509.Certificate, at: int) -> None:
    """Check that one certificate, which the vendor issued, is valid at `at`; raises as `judge_dates` does."""
    name, begins, ends = (
        _named(certificate),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
    )
    if at < begins.timestamp():
        raise Refusal(Code.CERTIFICATE_NOT_YET_VALID, f"{name} is valid from {begins:%Y-%m-%d %H:%M}")
    if at > ends.timestamp():
        raise Refusal(Code.CERTIFICATE_EXPIRED, f"{name} was valid until {ends:%Y-%m-%d %H:%M}")


def expiry_warnings(certificate: VerifiedCertificate, at: int) -> tuple[ExpiryWarning, ...]:
    """The certificates below the root that expire within 90 days of `at`."""
    warnings = []
    for found in certificate.path[:-1]:
        expires = int(found.not_valid_after_utc.timestamp())
        within = min((days for days in WARNING_DAYS if expires - at <= days * DAY), default=None)
        if within is not None:
            warnings.append(ExpiryWarning(_named(found), expires, within))
    return tuple(warnings)


def _named(certificate: x509.Certificate) -> str:
    """The common name. Safe to show: only called for certificates that the vendor is known to have issued."""
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return f"the certificate {names[0].value!r}" if names else "a certificate without a name"
