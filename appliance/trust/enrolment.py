"""Enrolment requests: signed by the identity key they name, which proves that whoever asks holds it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from appliance.trust.profile import UNREADABLE
from media_format import cose
from media_format.objects import EnrolmentRequest
from media_format.payload.recipients import RecipientKey
from media_format.wire import malformed


@dataclass(frozen=True, slots=True)
class VerifiedEnrolment:
    """An enrolment request whose signature is its own identity key's. Made by `read_enrolment` only.

    The signature says nothing about *who* holds the key: a person compares `digest` (SHA-256 over the
    signed request) with what the box or device shows.
    """

    request: EnrolmentRequest
    identity: ec.EllipticCurvePublicKey
    encryption: RecipientKey
    encryption_key: ec.EllipticCurvePublicKey
    """The P-256 half of `encryption`."""
    digest: bytes


def make_enrolment(request: EnrolmentRequest, signer: cose.Signer) -> bytes:
    """Sign `request` with the identity key it names; `signer` has no chain yet."""
    return cose.sign1(EnrolmentRequest.CONTENT_TYPE, request.to_bytes(), signer)


def read_enrolment(data: bytes) -> VerifiedEnrolment:
    """Decode and check an enrolment request.

    Raises Refusal(malformed), (too-large) or (unsupported-format) for what does not follow the format,
    Refusal(signature-invalid) where the identity key did not sign it.
    """
    signed = cose.read_sign1(data, EnrolmentRequest.CONTENT_TYPE, EnrolmentRequest.LIMIT)
    request = EnrolmentRequest.from_bytes(signed.payload)
    signature = signed.signatures[0]
    if signature.chain or signature.bag:
        raise malformed(EnrolmentRequest.NAME, "carries certificates")
    identity = _p256(request.identity, "identity key")
    encryption = _p256(request.encryption.p256, "encryption key")
    if request.identity == request.encryption.p256:
        raise malformed(EnrolmentRequest.NAME, "one key for two purposes")
    signature.verify(identity)
    key = RecipientKey(request.encryption.p256, request.encryption.xwing)
    digest = hashlib.sha256(signed.payload).digest()
    return VerifiedEnrolment(request, identity, key, encryption, digest)


def _p256(encoded: bytes, name: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_der_public_key(encoded)
    except UNREADABLE as error:
        raise malformed(name, f"cannot be read: {error}") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise malformed(name, "must be on P-256")
    return key
