"""The bundle: the PEM file that answers an enrolment, and that tells the vendor which box to seal for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from appliance.trust.chain import VerifiedCertificate, VerifiedIssuer
from appliance.trust.crl import RevocationLists
from appliance.trust.purpose import Purpose
from media_format.objects import TrustAnchor

ANCHOR_LABEL: Final = "UPDATEBOX TRUST ANCHOR"
CERTIFICATE_LABEL: Final = "CERTIFICATE"
CRL_LABEL: Final = "X509 CRL"
MAX_BUNDLE: Final = 4 * 1024 * 1024
"""Bytes of a bundle."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A trust anchor, certificates (the holder's and CAs, in any order) and revocation lists, all but the anchor in DER.

    A bundle is trusted as far as the hand that brings it: it holds the anchor itself.
    """

    anchor: TrustAnchor
    certificates: tuple[bytes, ...]
    crls: tuple[bytes, ...] = ()

    def to_pem(self) -> bytes:
        """The bundle as textual encodings (RFC 7468): the anchor, then certificates, then lists."""
        raise NotImplementedError

    @classmethod
    def from_pem(cls, data: bytes) -> Bundle:
        """Read a bundle. Refusal(malformed) or (too-large)."""
        raise NotImplementedError

    def chain(self, purpose: Purpose) -> tuple[bytes, ...]:
        """The chain (DER, leaf first, without the root) of the bundle's one leaf with this purpose.

        What a signer carries. Refusal(chain-invalid) where there is no such leaf or more than one.
        """
        raise NotImplementedError

    def verified(self, purpose: Purpose) -> VerifiedCertificate:
        """That leaf, its chain verified under the bundle's own anchor; refusals as for `verify_chain`."""
        raise NotImplementedError

    def issuers(self) -> tuple[VerifiedIssuer, ...]:
        """The CAs that lead to the bundle's anchor, roots included."""
        raise NotImplementedError

    def lists(self) -> RevocationLists:
        """The bundle's revocation lists, as far as they are valid."""
        raise NotImplementedError
