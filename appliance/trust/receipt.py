"""A box's, and the vendor's, admission of a device's receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.trust.chain import VerifiedCertificate
from appliance.trust.crl import RevocationLists
from media_format.objects import Receipt, TrustAnchor


@dataclass(frozen=True, slots=True)
class VerifiedReceipt:
    """A receipt by a device that proved its identity. Made by `admit_receipt` only.

    `digest` is SHA-256 over the signed payload: what the next receipt carries as `previous`. Whether the
    receipts of a device form a chain without gaps is for whoever keeps them to judge.
    """

    receipt: Receipt
    identity: VerifiedCertificate
    digest: bytes
    lists: RevocationLists


def admit_receipt(
    data: bytes, anchor: TrustAnchor, lists: RevocationLists, at: int, crls: Sequence[bytes] = ()
) -> VerifiedReceipt:
    """Judge a receipt at trusted time `at`; refusals as for `appliance.trust.request.admit_request`."""
    raise NotImplementedError
