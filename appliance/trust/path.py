"""Certificate paths: from a leaf over the certificates that came along up to a pinned root (RFC 5280, 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509 import verification

from appliance.trust.profile import UNREADABLE
from media_format import limits
from media_format.refusal import Code, Refusal

Path: TypeAlias = tuple[x509.Certificate, ...]
"""Certificates, each issued by the next; the last is a root."""


def build_path(given: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]) -> Path:
    """The path from the first certificate over the others to one of `roots`. Refusal(chain-invalid).

    `cryptography`'s verifier builds it at the latest notBefore of what is given: whether dates are right is
    judged afterwards, by trusted time, because a path must be known to be the vendor's before its dates
    can say anything.
    """
    latest = max(certificate.not_valid_before_utc for certificate in given)
    try:
        verifier = (
            verification.PolicyBuilder()
            .store(verification.Store(list(roots)))
            .time(latest.replace(tzinfo=None))
            .max_chain_depth(limits.MAX_CHAIN - 1)
            .extension_policies(ca_policy=_ca_policy(), ee_policy=verification.ExtensionPolicy.permit_all())
            .build_client_verifier()
        )
        return tuple(verifier.verify(given[0], list(given[1:])).chain)
    except (verification.VerificationError, *UNREADABLE):
        # The library's message may quote names from the certificates, which a stranger chose.
        raise Refusal(Code.CHAIN_INVALID, "no valid path leads to a root that is trusted here") from None


def issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Whether a certificate names `issuer` and carries its signature; nothing else is judged."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def _ca_policy() -> verification.ExtensionPolicy:
    # The library's rules for CAs know TLS only: our purposes are judged in `appliance.trust.chain`.
    agnostic = verification.Criticality.AGNOSTIC
    return verification.ExtensionPolicy.webpki_defaults_ca().may_be_present(
        x509.ExtendedKeyUsage, agnostic, None
    )
