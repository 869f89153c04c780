"""From bytes to a thing: which object of the project they are, decoded, and judged by nobody yet."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.cli.explain.audit import KIND as AUDIT
from appliance.cli.explain.audit import Use, read_audit
from appliance.trust.bundle import ANCHOR_LABEL, Bundle
from appliance.trust.profile import UNREADABLE, read_certificate
from media_format import cose
from media_format.objects import (
    Directive,
    EnrolmentRequest,
    Envelope,
    Manifest,
    Receipt,
    Request,
    TrustAnchor,
)
from media_format.receipt_file import NAME as RECEIPTS
from media_format.receipt_file import ReceiptCollection, decode_receipts
from media_format.refusal import Code, Refusal
from media_format.wire import Record

BUNDLE: Final = "certificates and trust anchor"
CERTIFICATES: Final = "certificates"
LIST: Final = "revocation list"

_SIGNED_ONCE: Final = (Envelope, Request, Receipt, EnrolmentRequest, Directive)
_COSE: Final = (b"\xd2", b"\xd8\x62")
"""How COSE_Sign1 and COSE_Sign objects begin (RFC 9052, section 2)."""
_HEADER_START: Final = 128
"""Bytes in which a protected header names its content type, before it comes to the certificates."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing of the project's. What its kind does not have is empty.

    `digest` is SHA-256 over what was signed: what people compare, and what manifests and receipts are
    referred to by. `parts` are the receipts of a file of receipts.
    """

    kind: str
    data: bytes
    record: Record | None = None
    signatures: tuple[cose.Signature, ...] = ()
    digest: bytes | None = None
    certificates: tuple[x509.Certificate, ...] = ()
    bundle: Bundle | None = None
    crl: x509.CertificateRevocationList | None = None
    parts: tuple[Thing, ...] = ()
    uses: tuple[Use, ...] = ()


def read_thing(data: bytes) -> Thing | None:
    """What `data` is; None for what is nothing of the project's.

    Raises Refusal(malformed), (too-large) or (unsupported-format) for what claims to be, and is not right.
    """
    if f"-----BEGIN {ANCHOR_LABEL}".encode() in data:
        bundle = Bundle.from_pem(data)
        held = tuple(map(read_certificate, bundle.certificates))
        return Thing(BUNDLE, data, bundle.anchor, certificates=held, bundle=bundle)
    if b"-----BEGIN CERTIFICATE-----" in data:
        return _certificates(data)
    if data.startswith(_COSE):
        return _signed(data)
    return _anchor(data) or _revocation_list(data) or _receipts(data) or _audit(data)


def _signed(data: bytes) -> Thing:
    """A signed object, found by the content type under its signature."""
    if ReceiptCollection.CONTENT_TYPE.encode() in data[:_HEADER_START]:
        return _collection(data)
    for kind in (*_SIGNED_ONCE, Manifest):
        if kind.CONTENT_TYPE.encode() in data:
            read = cose.read_sign if kind is Manifest else cose.read_sign1
            signed = read(data, kind.CONTENT_TYPE, kind.LIMIT)
            record: Record = kind.from_bytes(signed.payload)
            digest = hashlib.sha256(signed.payload).digest()
            return Thing(kind.NAME, data, record, signed.signatures, digest)
    raise Refusal(Code.MALFORMED, "a signed object, but of no kind that is known here")


def _collection(data: bytes) -> Thing:
    """The receipts that a box has signed together."""
    signed = cose.read_sign1(data, ReceiptCollection.CONTENT_TYPE, ReceiptCollection.LIMIT)
    parts = tuple(map(_signed, ReceiptCollection.from_bytes(signed.payload).receipts))
    digest = hashlib.sha256(signed.payload).digest()
    return Thing(RECEIPTS, data, signatures=signed.signatures, digest=digest, parts=parts)


def _certificates(data: bytes) -> Thing:
    try:
        found = x509.load_pem_x509_certificates(data)
        held = tuple(read_certificate(one.public_bytes(Encoding.DER)) for one in found)
    except UNREADABLE as error:
        raise Refusal(Code.MALFORMED, f"certificates that cannot be read: {error}") from None
    return Thing(CERTIFICATES, data, certificates=held)


def _anchor(data: bytes) -> Thing | None:
    try:
        return Thing(TrustAnchor.NAME, data, TrustAnchor.from_bytes(data))
    except Refusal:
        return None


def _revocation_list(data: bytes) -> Thing | None:
    try:
        crl = x509.load_der_x509_crl(data)
        _ = crl.issuer, crl.last_update_utc, crl.next_update_utc, [entry.serial_number for entry in crl]
        crl.extensions.get_extension_for_class(x509.CRLNumber)
    except (*UNREADABLE, x509.ExtensionNotFound):
        return None
    return Thing(LIST, data, crl=crl)


def _receipts(data: bytes) -> Thing | None:
    try:
        return Thing(RECEIPTS, data, parts=tuple(map(_signed, decode_receipts(data))))
    except Refusal:
        return None


def _audit(data: bytes) -> Thing | None:
    uses = read_audit(data)
    return None if uses is None else Thing(AUDIT, data, uses=uses)
