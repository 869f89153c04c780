"""Certificates and revocation lists as forms that can be filled in wrongly, and signed all the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.trust.purpose import Purpose

SigningKey: TypeAlias = ec.EllipticCurvePrivateKey
HolderKey: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey
Afterwards: TypeAlias = Callable[[bytes, SigningKey], bytes]
"""What is done to the DER once it is signed; the issuer's key is at hand to sign it again."""


def as_it_is(der: bytes, _signer: SigningKey) -> bytes:
    """Nothing is done to it."""
    return der


@dataclass
class Extensions:
    """The extensions of a certificate, a list or an entry, each at most once."""

    by_oid: dict[x509.ObjectIdentifier, tuple[x509.ExtensionType, bool]] = field(default_factory=dict)

    def put(self, value: x509.ExtensionType, *, critical: bool = False) -> None:
        """Add an extension, or put it in the place of another with its object identifier."""
        oid = value.oid if isinstance(value, x509.UnrecognizedExtension) else type(value).oid
        self.by_oid[oid] = (value, critical)

    def take(self, oid: x509.ObjectIdentifier) -> None:
        """Remove one that must be there."""
        del self.by_oid[oid]

    def add_to(self, builder: Any) -> Any:
        """Write them into one of the library's builders."""
        for value, critical in self.by_oid.values():
            builder = builder.add_extension(value, critical=critical)
        return builder


@dataclass
class CertificateForm:
    """A certificate to be. `issuer` and `signer` need not belong to anybody."""

    subject: x509.Name
    issuer: x509.Name
    key: HolderKey
    signer: SigningKey
    serial: int
    begins: int
    ends: int
    digest: hashes.HashAlgorithm
    extensions: Extensions = field(default_factory=Extensions)
    afterwards: Afterwards = as_it_is

    def der(self) -> bytes:
        """Sign it."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(self.issuer)
            .public_key(self.key.public_key())
            .serial_number(self.serial)
            .not_valid_before(moment(self.begins))
            .not_valid_after(moment(self.ends))
        )
        signed: x509.Certificate = self.extensions.add_to(builder).sign(self.signer, self.digest)
        return self.afterwards(signed.public_bytes(Encoding.DER), self.signer)


@dataclass
class EntryForm:
    """One line of a list."""

    serial: int
    since: int
    extensions: Extensions = field(default_factory=Extensions)


@dataclass
class ListForm:
    """A revocation list to be."""

    issuer: x509.Name
    signer: SigningKey
    date: int
    following: int
    entries: list[EntryForm]
    digest: hashes.HashAlgorithm
    extensions: Extensions = field(default_factory=Extensions)
    afterwards: Afterwards = as_it_is

    def der(self) -> bytes:
        """Sign it."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.issuer)
            .last_update(moment(self.date))
            .next_update(moment(self.following))
        )
        for entry in self.entries:
            line = x509.RevokedCertificateBuilder().serial_number(entry.serial)
            line = entry.extensions.add_to(line.revocation_date(moment(entry.since)))
            builder = builder.add_revoked_certificate(line.build())
        signed: x509.CertificateRevocationList = self.extensions.add_to(builder).sign(
            self.signer, self.digest
        )
        return self.afterwards(signed.public_bytes(Encoding.DER), self.signer)


@dataclass
class World:
    """A chain from the leaf to the root, a list of each issuer in the same order, and who asks when.

    `sent` says which certificates below the root come along, and in which order.
    """

    purpose: Purpose
    at: int
    chain: list[CertificateForm]
    lists: list[ListForm]
    sent: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sent = self.sent or list(range(len(self.chain) - 1))


def moment(seconds: int) -> datetime:
    """A time as the library wants it."""
    return datetime.fromtimestamp(seconds, UTC)
