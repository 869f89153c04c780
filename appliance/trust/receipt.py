"""A box's, and the vendor's, admission of a device's receipt."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from appliance.trust.chain import VerifiedCertificate, judge_dates
from appliance.trust.crl import RevocationLists
from appliance.trust.known_chains import KnownChains
from appliance.trust.profile import RoleIdentity
from appliance.trust.purpose import Purpose
from media_format import cose
from media_format.objects import Receipt, TrustAnchor
from media_format.refusal import Code, Refusal
from media_format.wire import malformed


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt with its device's signature; dates and revocation were not judged. Made by `read_receipt`."""

    receipt: Receipt
    identity: VerifiedCertificate
    digest: bytes


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
    data: bytes,
    anchor: TrustAnchor,
    lists: RevocationLists,
    at: int,
    crls: Sequence[bytes] = (),
    chains: KnownChains | None = None,
) -> VerifiedReceipt:
    """Judge a receipt at trusted time `at`; refusals as for `appliance.trust.request.admit_request`.

    Who judges many gives `chains` of the same anchor along.
    """
    verified = read_receipt(data, chains or KnownChains(anchor))
    identity = verified.identity
    known = lists.take(crls, identity.issuers)
    judge_dates(identity, at)
    known.judge(identity, at, anchor.policy)
    return VerifiedReceipt(verified.receipt, identity, verified.digest, known)


def read_receipt(data: bytes, chains: KnownChains) -> SignedReceipt:
    """A receipt whose device was certified, whatever has become of the certificate since.

    Raises Refusal(malformed), (too-large), (unsupported-format), (chain-invalid), (purpose-mismatch) or
    (signature-invalid).
    """
    signed = cose.read_sign1(data, Receipt.CONTENT_TYPE, Receipt.LIMIT)
    receipt = Receipt.from_bytes(signed.payload)
    signature = signed.signatures[0]
    if signature.bag:
        raise malformed(Receipt.NAME, "carries certificates besides the chain")
    identity = chains.verify(signature.chain, Purpose.DEVICE_IDENTITY)
    signature.verify(identity.key)
    if identity.identity != RoleIdentity(receipt.device_id, receipt.epoch):
        raise Refusal(Code.PURPOSE_MISMATCH, "the receipt is not about the device that signed it")
    return SignedReceipt(receipt, identity, hashlib.sha256(signed.payload).digest())
