"""From bytes to a thing: which object of the project they are, decoded, and judged by nobody yet."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import BinaryIO, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.cli.explain import backup, ledger
from appliance.cli.explain.audit import KIND as AUDIT
from appliance.cli.explain.audit import read_audit
from appliance.cli.explain.certificates import describe_certificate
from appliance.cli.explain.content import Content
from appliance.trust.bundle import ANCHOR_LABEL, Bundle
from appliance.trust.ledger_file import is_ledger
from appliance.trust.profile import UNREADABLE, read_certificate
from media_format import cose
from media_format.backup_head import MAGIC
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

DAMAGED: Final = "damaged"

_SIGNED_ONCE: Final = (Envelope, Request, Receipt, EnrolmentRequest, Directive)
_COSE: Final = (b"\xd2", b"\xd8\x62")
"""How COSE_Sign1 and COSE_Sign objects begin (RFC 9052, section 2)."""
_RECEIPTS_START: Final = re.compile(
    rb"\x80\Z|(?:[\x81-\x97]|\x98.|\x99..|\x9a....)(?:\x58.|\x59..)\xd2", re.DOTALL
)
"""An array that is empty, or has a byte string with a COSE_Sign1 object first (RFC 8949, section 3.1)."""
_BEGINNING: Final = 512
"""Bytes that say what a large file is."""
_HEADER_START: Final = 128
"""Bytes in which a protected header names its content type, before it comes to the certificates."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing of the project's. What its kind does not have is empty.

    `digest` is SHA-256 over what was signed: what people compare, and what manifests and receipts are
    referred to by. `parts` are the receipts of a file of receipts. `problem` says why a part is damaged.
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
    content: Content | None = None
    problem: Refusal | None = None


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


def read_large(file: BinaryIO) -> Thing | None:
    """What a file is that may be too large for memory; None for any other, which is read as a whole.

    Refusal as `read_thing`.
    """
    start = file.read(_BEGINNING)
    file.seek(0)
    if start.startswith(MAGIC):
        return Thing(backup.KIND, b"", content=backup.read_content(file))
    if is_ledger(start):
        found = ledger.read_content(file)
        return Thing(ledger.KIND, b"", certificates=found.certificates, content=found)
    return None


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
    collection = ReceiptCollection.from_bytes(signed.payload)
    parts = tuple(map(_part, collection.receipts))
    digest = hashlib.sha256(signed.payload).digest()
    return Thing(RECEIPTS, data, collection, signed.signatures, digest, parts=parts)


def _part(data: bytes) -> Thing:
    """A receipt among others: one that is damaged does not hide them."""
    try:
        found = _signed(data)
        for der in (der for signature in found.signatures for der in signature.chain):
            describe_certificate(read_certificate(der), 0)
        return found
    except Refusal as refusal:
        return Thing(DAMAGED, data, problem=refusal)


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
    """Receipts that no box has signed. Refusal where the file begins like one and does not go on so."""
    if not _RECEIPTS_START.match(data):
        return None
    return Thing(RECEIPTS, data, parts=tuple(map(_part, decode_receipts(data))))


def _audit(data: bytes) -> Thing | None:
    content = read_audit(data)
    return None if content is None else Thing(AUDIT, data, content=content)
