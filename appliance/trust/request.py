"""A box's admission of a device's request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.trust.chain import VerifiedCertificate
from appliance.trust.crl import RevocationLists
from media_format.objects import Request, TrustAnchor


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """A request by a device that proved its identity. Made by `admit_request` only.

    `digest` is SHA-256 over the signed payload; `lists` are the revocation lists after taking over newer ones.
    Whether the request is newer than the last one, and the device allowed, is for the box to judge.
    """

    request: Request
    identity: VerifiedCertificate
    encryption: VerifiedCertificate
    digest: bytes
    lists: RevocationLists


def admit_request(
    data: bytes, anchor: TrustAnchor, lists: RevocationLists, at: int, crls: Sequence[bytes] = ()
) -> VerifiedRequest:
    """Judge a request at trusted time `at`, with the revocation lists `crls` that came along.

    Raises Refusal(malformed), (too-large), (unsupported-format), (chain-invalid), (purpose-mismatch) (also
    where the request says something else than the certificates), (signature-invalid), (certificate-*),
    (revoked) or (revocation-stale).
    """
    raise NotImplementedError
