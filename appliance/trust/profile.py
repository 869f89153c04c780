"""The certificate profile: the project's private extensions, and how certificates and keys are named.

The extensions are not critical, so that any X.509 software can read the certificates, and *required* by
our own code. Each is a DER value:

    RoleIdentity   ::= SEQUENCE { id UTF8String, epoch INTEGER }                                    .2.1
    ReleaseBinding ::= SEQUENCE { product UTF8String, line UTF8String, index INTEGER }              .2.2
    DeviceKind     ::= SEQUENCE { product UTF8String, line UTF8String, hardware UTF8String }        .2.3
    XWingPublic    ::= OCTET STRING   -- the post-quantum half of an encryption key, 1216 bytes     .2.4
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ObjectIdentifier

from appliance.trust.purpose import ARC, Purpose
from media_format import limits
from media_format.objects import DeviceKind, Family
from media_format.objects.enrolment import XWING_PUBLIC
from media_format.objects.manifest import INDEX, SHORT
from media_format.payload.recipients import RecipientKey
from media_format.refusal import Code, Refusal
from media_format.wire import Uint, malformed

ROLE_IDENTITY: Final = ObjectIdentifier(f"{ARC}.2.1")
RELEASE_BINDING: Final = ObjectIdentifier(f"{ARC}.2.2")
DEVICE_KIND: Final = ObjectIdentifier(f"{ARC}.2.3")
XWING_HALF: Final = ObjectIdentifier(f"{ARC}.2.4")

_EPOCH: Final = Uint(0, 2**32 - 1)
UNREADABLE: Final = (
    ValueError,
    TypeError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
"""What `cryptography` raises for certificates it cannot read; some parts are only read when asked for."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RoleIdentity:
    """Who holds the key: the id of the box, device or signer, and its enrolment epoch."""

    id: str
    epoch: int


@dataclass(frozen=True, slots=True)
class ReleaseBinding:
    """The one release that a release signer may sign."""

    product: str
    line: str
    index: int


@dataclass(frozen=True, slots=True)
class Profile:
    """What a leaf certificate says beyond X.509. `encryption` is there for keys that decrypt."""

    identity: RoleIdentity
    release: ReleaseBinding | None = None
    kind: DeviceKind | None = None
    encryption: RecipientKey | None = None


@asn1.sequence
class _RoleIdentity:
    id: str
    epoch: int


@asn1.sequence
class _ReleaseBinding:
    product: str
    line: str
    index: int


@asn1.sequence
class _DeviceKind:
    product: str
    line: str
    hardware: str


def spki(key: object) -> bytes:
    """The SubjectPublicKeyInfo (DER) of a public key."""
    if not hasattr(key, "public_bytes"):
        raise TypeError(f"{type(key).__name__} is not a public key")
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded


@lru_cache(maxsize=64)
def issuer_id(certificate: x509.Certificate) -> bytes:
    """How CAs are named in CRL numbers: SHA-256 over the certificate's SubjectPublicKeyInfo.

    The same value is the subject key identifier of every certificate of the project (RFC 7093, section 2,
    method 4), so a CRL's authority key identifier names its issuer. The last few are remembered: every object
    on a medium asks for the same ones several times.
    """
    return key_id(certificate.public_key())


def key_id(key: object) -> bytes:
    """SHA-256 over a public key's SubjectPublicKeyInfo."""
    return hashlib.sha256(spki(key)).digest()


def key_family(key: object) -> Family | None:
    """The family of signature algorithms a public key belongs to; None for keys the format does not use."""
    match key:
        case ec.EllipticCurvePublicKey(curve=ec.SECP256R1() | ec.SECP384R1()) | ed25519.Ed25519PublicKey():
            return Family.ECDSA
        case mldsa.MLDSA65PublicKey():
            return Family.ML_DSA
        case _:
            return None


def read_certificate(der: bytes) -> x509.Certificate:
    """Decode a certificate whole, its key and extensions too. Refusal(malformed) or (too-large)."""
    if len(der) > limits.MAX_CERTIFICATE:
        raise Refusal(Code.TOO_LARGE, f"a certificate of {len(der)} bytes")
    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.public_key()
        _ = certificate.extensions, certificate.subject, certificate.issuer
        _ = (
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
            certificate.signature_algorithm_oid,
        )
    except UNREADABLE as error:
        raise malformed("certificate", f"cannot be read: {error}") from None
    if certificate.serial_number <= 0:
        raise malformed("certificate", "its serial number is not positive (RFC 5280, 4.1.2.2)")
    return certificate


def usage(certificate: x509.Certificate) -> list[ObjectIdentifier]:
    """The extended key usage: for certificates of the project, the one purpose."""
    try:
        return list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return []


def key_usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    """The key usage, None where the certificate states none."""
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None


def leaf_key_usage(purpose: Purpose) -> x509.KeyUsage:
    """The key usage (RFC 5280, 4.2.1.3) of a leaf: signing, or key agreement for keys that decrypt."""
    return _make_key_usage(digital_signature=not purpose.encrypts, key_agreement=purpose.encrypts)


def ca_key_usage() -> x509.KeyUsage:
    """The key usage of roots and issuing CAs: certificates and revocation lists."""
    return _make_key_usage(key_cert_sign=True, crl_sign=True)


def _make_key_usage(
    *,
    digital_signature: bool = False,
    key_agreement: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=key_agreement,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def profile_extensions(profile: Profile) -> tuple[x509.UnrecognizedExtension, ...]:
    """The private extensions that carry `profile`."""
    identity = _RoleIdentity(id=SHORT.decode(profile.identity.id, "id"), epoch=profile.identity.epoch)
    values = [(ROLE_IDENTITY, asn1.encode_der(identity))]
    if profile.release is not None:
        release = profile.release
        values.append(
            (
                RELEASE_BINDING,
                asn1.encode_der(
                    _ReleaseBinding(product=release.product, line=release.line, index=release.index)
                ),
            )
        )
    if profile.kind is not None:
        kind = profile.kind
        values.append(
            (
                DEVICE_KIND,
                asn1.encode_der(_DeviceKind(product=kind.product, line=kind.line, hardware=kind.hardware)),
            )
        )
    if profile.encryption is not None and profile.encryption.xwing is not None:
        values.append((XWING_HALF, asn1.encode_der(profile.encryption.xwing)))
    return tuple(x509.UnrecognizedExtension(oid, value) for oid, value in values)


def read_profile(certificate: x509.Certificate, purpose: Purpose) -> Profile:
    """What a leaf certificate says, after its chain was verified.

    Exactly the extensions that `purpose` calls for must be there. Refusal(purpose-mismatch) where one is
    missing or one too many is there, Refusal(malformed) where one cannot be read.
    """
    identity = _extension(certificate, ROLE_IDENTITY, _RoleIdentity, required=True)
    release = _extension(
        certificate, RELEASE_BINDING, _ReleaseBinding, required=purpose is Purpose.RELEASE_SIGNER
    )
    device = purpose in (Purpose.DEVICE_IDENTITY, Purpose.DEVICE_ENCRYPTION)
    kind = _extension(certificate, DEVICE_KIND, _DeviceKind, required=device)
    assert identity is not None
    return Profile(
        RoleIdentity(SHORT.decode(identity.id, "id"), _EPOCH.decode(identity.epoch, "epoch")),
        None if release is None else _read_release(release),
        None
        if kind is None
        else DeviceKind(
            product=SHORT.decode(kind.product, "product"),
            line=SHORT.decode(kind.line, "line"),
            hardware=SHORT.decode(kind.hardware, "hardware"),
        ),
        _read_encryption(certificate, purpose),
    )


def _read_release(found: _ReleaseBinding) -> ReleaseBinding:
    return ReleaseBinding(
        SHORT.decode(found.product, "product"),
        SHORT.decode(found.line, "line"),
        INDEX.decode(found.index, "index"),
    )


def _read_encryption(certificate: x509.Certificate, purpose: Purpose) -> RecipientKey | None:
    xwing = _value(certificate, XWING_HALF, bytes)
    if not purpose.encrypts:
        if xwing is not None:
            raise Refusal(Code.PURPOSE_MISMATCH, "a signing certificate with half of an encryption key")
        return None
    if xwing is not None:
        XWING_PUBLIC.decode(xwing, "X-Wing half")
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Refusal(Code.PURPOSE_MISMATCH, "an encryption certificate whose key is not on P-256")
    return RecipientKey(spki(certificate.public_key()), xwing)


def _extension(
    certificate: x509.Certificate, oid: ObjectIdentifier, shape: type[T], *, required: bool
) -> T | None:
    found = _value(certificate, oid, shape)
    if (found is not None) != required:
        state = "is missing from" if required else "does not belong in"
        raise Refusal(Code.PURPOSE_MISMATCH, f"the extension {oid.dotted_string} {state} the certificate")
    return found


def _value(certificate: x509.Certificate, oid: ObjectIdentifier, shape: type[T]) -> T | None:
    try:
        extension = certificate.extensions.get_extension_for_oid(oid).value
    except x509.ExtensionNotFound:
        return None
    assert isinstance(extension, x509.UnrecognizedExtension)
    try:
        return asn1.decode_der(shape, extension.value)
    except ValueError as error:
        raise malformed("certificate", f"the extension {oid.dotted_string}: {error}") from None
