"""Purposes: what a certificate may be used for. A certificate has exactly one.

A purpose travels as the only object identifier of the extended key usage (RFC 5280, 4.2.1.12), under
the project's own arc, so that no certificate of another use in the world fits by accident. Issuing
CAs have a purpose too; it bounds what may stand below them.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from cryptography.x509.oid import ObjectIdentifier

ARC: Final = "2.25.109811189657652027955125962712651240413"
"""The project's arc: a UUID as an object identifier (ITU-T X.667). `.1` purposes, `.2` extensions."""


class Purpose(Enum):
    """What a certificate may be used for; the value is the last number of its object identifier."""

    RELEASE_CA = 1
    """Issues certificates for release signers, release sealers and directive signers."""
    BOX_CA = 2
    """Issues both certificates of boxes."""
    DEVICE_CA = 3
    """Issues both certificates of devices."""
    RELEASE_SIGNER = 11
    """Signs the manifest of one release of one line of one product."""
    RELEASE_SEALER = 12
    """Signs the envelopes of releases, the packages that go to boxes."""
    DIRECTIVE_SIGNER = 13
    """Signs the vendor's directives."""
    BOX_IDENTITY = 21
    """Signs the envelopes of deliveries, and a box's ledger."""
    BOX_TRANSPORT = 22
    """The key that releases are sealed to."""
    DEVICE_IDENTITY = 31
    """Signs a device's requests and receipts."""
    DEVICE_ENCRYPTION = 32
    """The key that deliveries are sealed to."""

    @property
    def oid(self) -> ObjectIdentifier:
        """The object identifier that stands in the extended key usage."""
        return ObjectIdentifier(f"{ARC}.1.{self.value}")

    @property
    def words(self) -> str:
        """The purpose as people read it."""
        return self.name.lower().replace("_", " ")

    @property
    def issuer(self) -> Purpose | None:
        """The purpose of the CA that may issue this one; None for issuing CAs, which only roots issue."""
        return _ISSUERS.get(self)

    @property
    def encrypts(self) -> bool:
        """Whether the certified key decrypts instead of signing."""
        return self in (Purpose.BOX_TRANSPORT, Purpose.DEVICE_ENCRYPTION)


ISSUING: Final = (Purpose.RELEASE_CA, Purpose.BOX_CA, Purpose.DEVICE_CA)
"""The purposes of issuing CAs."""

_ISSUERS: Final = {
    Purpose.RELEASE_SIGNER: Purpose.RELEASE_CA,
    Purpose.RELEASE_SEALER: Purpose.RELEASE_CA,
    Purpose.DIRECTIVE_SIGNER: Purpose.RELEASE_CA,
    Purpose.BOX_IDENTITY: Purpose.BOX_CA,
    Purpose.BOX_TRANSPORT: Purpose.BOX_CA,
    Purpose.DEVICE_IDENTITY: Purpose.DEVICE_CA,
    Purpose.DEVICE_ENCRYPTION: Purpose.DEVICE_CA,
}
