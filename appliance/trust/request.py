"""A box's admission of a device's request."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.serialization import Encoding

from appliance.trust.chain import VerifiedCertificate, judge_dates, verify_chain
from appliance.trust.crl import RevocationLists
from appliance.trust.profile import RoleIdentity
from appliance.trust.purpose import Purpose
from media_format import cose
from media_format.objects import DeviceKind, Request, TrustAnchor
from media_format.refusal import Code, Refusal
from media_format.wire import malformed


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request with its device's signature; dates and revocation were not judged. Made by `read_request`."""

    request: Request
    identity: VerifiedCertificate
    encryption: VerifiedCertificate
    digest: bytes


@dataclass(frozen=True, slots=True)
class VerifiedRequest:
    """A request by a device that proved its identity. Made by `admit_request` only.

    `digest` is SHA-256 over the signed payload; `lists` are the revocation lists after taking over newer.
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
    signed = read_request(data, anchor)
    known = lists.take(crls, signed.identity.issuers)
    for certificate in (signed.identity, signed.encryption):
        judge_dates(certificate, at)
        known.judge(certificate, at, anchor.policy)
    return VerifiedRequest(signed.request, signed.identity, signed.encryption, signed.digest, known)


def read_request(data: bytes, anchor: TrustAnchor) -> SignedRequest:
    """A request whose device was certified, whatever has become of the certificates since.

    Raises Refusal(malformed), (too-large), (unsupported-format), (chain-invalid), (purpose-mismatch) or
    (signature-invalid).
    """
    signed = cose.read_sign1(data, Request.CONTENT_TYPE, Request.LIMIT)
    request = Request.from_bytes(signed.payload)
    signature = signed.signatures[0]
    identity = verify_chain(signature.chain, anchor, Purpose.DEVICE_IDENTITY)
    signature.verify(identity.key)
    encryption = _encryption(signature.bag, identity, anchor)
    _check_agreement(request, identity, encryption)
    return SignedRequest(request, identity, encryption, hashlib.sha256(signed.payload).digest())


def _encryption(
    bag: Sequence[bytes], identity: VerifiedCertificate, anchor: TrustAnchor
) -> VerifiedCertificate:
    """The encryption certificate in the bag; the CAs above it are the identity's own."""
    if len(bag) != 1:
        raise malformed(Request.NAME, f"{len(bag)} certificates besides the chain, not one")
    above = [issuer.certificate.public_bytes(Encoding.DER) for issuer in identity.issuers[:-1]]
    return verify_chain((bag[0], *above), anchor, Purpose.DEVICE_ENCRYPTION)


def _check_agreement(
    request: Request, identity: VerifiedCertificate, encryption: VerifiedCertificate
) -> None:
    stated = (
        RoleIdentity(request.device_id, request.epoch),
        DeviceKind(product=request.product, line=request.line, hardware=request.hardware),
    )
    for certificate in (identity, encryption):
        if (certificate.identity, certificate.kind) != stated:
            raise Refusal(Code.PURPOSE_MISMATCH, "the request says something else than the certificates")
    if encryption.encryption is None or not set(encryption.encryption.kems) <= set(request.kems):
        raise malformed(Request.NAME, "the device cannot open what its own key is for")
