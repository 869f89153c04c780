"""Issuing: the vendor's certificates and revocation lists, in the project's profile.

Roots and issuing CAs use P-384 with SHA-384 (or ML-DSA-65), one issuing CA for each purpose. Leaves of
boxes and devices certify P-256 keys. Keys and times are passed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from appliance.trust.chain import VerifiedCertificate
from appliance.trust.clock import DAY, SKEW
from appliance.trust.enrolment import VerifiedEnrolment
from appliance.trust.profile import (
    Profile,
    ReleaseBinding,
    RoleIdentity,
    ca_key_usage,
    issuer_id,
    key_id,
    leaf_key_usage,
    profile_extensions,
)
from appliance.trust.purpose import ISSUING, Purpose
from media_format.cose import VerifyingKey
from media_format.errors import Misuse
from media_format.objects import Family, Role

CA_LIFETIME: Final = 20 * 365 * DAY
SIGNER_LIFETIME: Final = 2 * 365 * DAY
BOX_LIFETIME: Final = 2 * 365 * DAY
NEVER: Final = 253402300799
"""99991231235959Z: no expiry (RFC 5280, 4.1.2.5). Roots, device CAs and devices (IEEE 802.1AR)."""

_CA_NAMES: Final = {
    Purpose.RELEASE_CA: "Releases",
    Purpose.BOX_CA: "Boxes",
    Purpose.DEVICE_CA: "Devices",
}

IssuerKey: TypeAlias = ec.EllipticCurvePrivateKey | mldsa.MLDSA65PrivateKey


@dataclass(frozen=True, slots=True)
class Issuer:
    """A CA that can issue.

    `chain` holds the CAs to send along with what it issues: DER, itself first, without the root; empty
    for a root.
    """

    certificate: x509.Certificate
    key: IssuerKey = field(repr=False)
    chain: tuple[bytes, ...]

    @property
    def id(self) -> bytes:
        """How CRL numbers name it."""
        return issuer_id(self.certificate)


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
    if family is Family.ML_DSA:
        return mldsa.MLDSA65PrivateKey.generate()
    return ec.generate_private_key(ec.SECP384R1())


def create_root(vendor: str, key: IssuerKey, now: int, number: int = 1) -> Issuer:
    """A self-signed root that does not expire: it is pinned, and another one only joins it by a directive.

    `number` counts the vendor's roots, so that no two have one name.
    """
    name = _name(vendor, "Root" if number == 1 else f"Root {number}")
    return Issuer(_root_certificate(name, key.public_key(), now, name, key), key, ())


def cross_certify(old: Issuer, new: Issuer, now: int) -> bytes:
    """A certificate (DER) by the root `old` for the key and name of the root `new`: it vouches for it.

    What RFC 4210, 4.4 calls NewWithOld.
    """
    subject, key = new.certificate.subject, new.key.public_key()
    return _der(_root_certificate(subject, key, now, old.certificate.subject, old.key))


def create_issuing_ca(root: Issuer, vendor: str, purpose: Purpose, key: IssuerKey, now: int) -> Issuer:
    """An issuing CA below `root` for RELEASE_CA, BOX_CA or DEVICE_CA. Misuse for other purposes.

    With the key of an issuing CA that exists already this is its renewal, or its place below another root:
    what it issued, and its revocation lists, are right under either certificate.
    """
    if purpose not in ISSUING:
        raise Misuse(f"{purpose.name} is not the purpose of an issuing CA")
    ends = NEVER if purpose is Purpose.DEVICE_CA else now + CA_LIFETIME
    builder = _builder(_name(vendor, _CA_NAMES[purpose]), key.public_key(), now, ends)
    builder = _as_ca(builder, path_length=0).add_extension(
        x509.ExtendedKeyUsage([purpose.oid]), critical=False
    )
    certificate = _sign(builder, root.certificate.subject, root.key)
    return Issuer(certificate, key, (_der(certificate), *root.chain))


def issue_release_signer(
    ca: Issuer,
    key: VerifyingKey,
    identity: RoleIdentity,
    binding: ReleaseBinding,
    now: int,
    lifetime: int = SIGNER_LIFETIME,
) -> tuple[bytes, ...]:
    """The chain of a release signer bound to one release."""
    return _issue(ca, Purpose.RELEASE_SIGNER, key, Profile(identity, release=binding), now, now + lifetime)


def issue_sealer(
    ca: Issuer, key: VerifyingKey, identity: RoleIdentity, now: int, lifetime: int = SIGNER_LIFETIME
) -> tuple[bytes, ...]:
    """The chain of a release sealer."""
    return _issue(ca, Purpose.RELEASE_SEALER, key, Profile(identity), now, now + lifetime)


def issue_directive_signer(
    ca: Issuer, key: VerifyingKey, identity: RoleIdentity, now: int, lifetime: int = SIGNER_LIFETIME
) -> tuple[bytes, ...]:
    """The chain of a directive signer."""
    return _issue(ca, Purpose.DIRECTIVE_SIGNER, key, Profile(identity), now, now + lifetime)


def issue_box(ca: Issuer, enrolment: VerifiedEnrolment, now: int, lifetime: int = BOX_LIFETIME) -> Enrolled:
    """A box's certificates. Misuse where the enrolment is not a box's."""
    if enrolment.request.role is not Role.BOX:
        raise Misuse("this enrolment request is not a box's")
    return _enrol(ca, enrolment, (Purpose.BOX_IDENTITY, Purpose.BOX_TRANSPORT), now, now + lifetime)


def issue_device(ca: Issuer, enrolment: VerifiedEnrolment, now: int) -> Enrolled:
    """A device's certificates; they do not expire. Misuse where the enrolment is not a device's."""
    if enrolment.request.role is not Role.DEVICE:
        raise Misuse("this enrolment request is not a device's")
    return _enrol(ca, enrolment, (Purpose.DEVICE_IDENTITY, Purpose.DEVICE_ENCRYPTION), now, NEVER)


def reissue(ca: Issuer, held: VerifiedCertificate, now: int, ends: int) -> tuple[bytes, ...]:
    """The chain of a certificate for the same holder, purpose and key as `held`, with other dates."""
    key = held.certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return _issue(ca, held.purpose, key, held.profile, now, ends)


def issue_crl(
    issuer: Issuer, revoked: Sequence[Revocation], number: int, now: int, next_update: int
) -> bytes:
    """A revocation list (RFC 5280, section 5) in DER. `number` must be above that of the one before."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(_moment(now))
        .next_update(_moment(next_update))
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier(issuer.id, None, None), critical=False)
    )
    for entry in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder()
            .serial_number(entry.serial)
            .revocation_date(_moment(entry.since))
            .build()
        )
    return builder.sign(issuer.key, _hash(issuer.key)).public_bytes(Encoding.DER)


def _enrol(
    ca: Issuer, enrolment: VerifiedEnrolment, purposes: tuple[Purpose, Purpose], now: int, ends: int
) -> Enrolled:
    request = enrolment.request
    identity = RoleIdentity(request.id, request.epoch)
    signing = Profile(identity, kind=request.device)
    sealing = Profile(identity, kind=request.device, encryption=enrolment.encryption)
    return Enrolled(
        _issue(ca, purposes[0], enrolment.identity, signing, now, ends),
        _issue(ca, purposes[1], enrolment.encryption_key, sealing, now, ends),
    )


def _issue(
    ca: Issuer, purpose: Purpose, key: VerifyingKey, profile: Profile, now: int, ends: int
) -> tuple[bytes, ...]:
    builder = _builder(_name(None, profile.identity.id), key, now, ends)
    builder = (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(leaf_key_usage(purpose), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose.oid]), critical=False)
    )
    for extension in profile_extensions(profile):
        builder = builder.add_extension(extension, critical=False)
    certificate = _sign(builder, ca.certificate.subject, ca.key)
    return (_der(certificate), *ca.chain)


def _builder(subject: x509.Name, key: VerifyingKey, begins: int, ends: int) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # Valid a little before now, so that a clock a few minutes behind can use it at once.
        .not_valid_before(_moment(begins - SKEW))
        .not_valid_after(_moment(ends))
        .add_extension(x509.SubjectKeyIdentifier(key_id(key)), critical=False)
    )


def _root_certificate(
    subject: x509.Name, key: VerifyingKey, now: int, issuer: x509.Name, signer: IssuerKey
) -> x509.Certificate:
    return _sign(_as_ca(_builder(subject, key, now, NEVER), path_length=1), issuer, signer)


def _as_ca(builder: x509.CertificateBuilder, *, path_length: int) -> x509.CertificateBuilder:
    return builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=path_length), critical=True
    ).add_extension(ca_key_usage(), critical=True)


def _sign(builder: x509.CertificateBuilder, issuer: x509.Name, key: IssuerKey) -> x509.Certificate:
    authority = x509.AuthorityKeyIdentifier(key_id(key.public_key()), None, None)
    return builder.issuer_name(issuer).add_extension(authority, critical=False).sign(key, _hash(key))


def _hash(key: IssuerKey) -> hashes.SHA384 | None:
    return hashes.SHA384() if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _name(organisation: str | None, common: str) -> x509.Name:
    names = [] if organisation is None else [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation)]
    return x509.Name([*names, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
