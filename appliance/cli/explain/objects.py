"""From bytes to an explanation: which object they are, what is in it, who signed it."""

from __future__ import annotations

import hashlib
from typing import Any, Final, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.cli.answer import plain
from appliance.cli.explain.certificates import describe_certificate
from appliance.cli.explain.summaries import summary
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
from media_format.receipt_file import decode_receipts
from media_format.refusal import Code, Refusal
from media_format.wire import Record

Explanation: TypeAlias = dict[str, Any]
"""`kind`, `summary`, `fields` and `signers`, in the forms that JSON knows."""

_SIGNED_ONCE: Final = (Envelope, Request, Receipt, EnrolmentRequest, Directive)
_HIDDEN: Final = {"critical", "optional", "pages"}
_COSE: Final = (b"\xd2", b"\xd8\x62")
"""How COSE_Sign1 and COSE_Sign objects begin (RFC 9052, section 2)."""


def explain(data: bytes) -> Explanation | None:
    """What `data` is; None for what is nothing of the project's.

    Raises Refusal(malformed), (too-large) or (unsupported-format) for what claims to be, and is not right.
    """
    if f"-----BEGIN {ANCHOR_LABEL}".encode() in data:
        return _bundle(Bundle.from_pem(data))
    if b"-----BEGIN CERTIFICATE-----" in data:
        return _certificates(data)
    if data.startswith(_COSE):
        return _signed(data)
    for read in (_anchor, _revocation_list, _receipts):
        found = read(data)
        if found is not None:
            return found
    return None


def _signed(data: bytes) -> Explanation | None:
    """A signed object, found by the content type under its signature."""
    for kind in (*_SIGNED_ONCE, Manifest):
        if kind.CONTENT_TYPE.encode() in data:
            read = cose.read_sign if kind is Manifest else cose.read_sign1
            signed = read(data, kind.CONTENT_TYPE, kind.LIMIT)
            record: Record = kind.from_bytes(signed.payload)
            signers = [_signer(part) for part in signed.signatures]
            found = _explanation(kind.NAME, summary(record), record, signers)
            # What people compare, and what manifests and receipts are referred to by.
            return {**found, "digest": hashlib.sha256(signed.payload).hexdigest()}
    raise Refusal(Code.MALFORMED, "a signed object, but of no kind that is known here")


def _signer(signature: cose.Signature) -> dict[str, Any]:
    if not signature.chain:
        return {"algorithm": signature.algorithm.name, "holder": "the key in the object itself"}
    leaf = read_certificate(signature.chain[0])
    try:
        signature.verify(leaf.public_key())
        state = "matches"
    except Refusal:
        state = "DOES NOT MATCH"
    return {"algorithm": signature.algorithm.name, "signature": state, **describe_certificate(leaf)}


def _bundle(bundle: Bundle) -> Explanation:
    anchor = bundle.anchor
    signers = [describe_certificate(read_certificate(der)) for der in bundle.certificates]
    holders = sorted({signer["identity"]["id"] for signer in signers if "identity" in signer})
    who = f"certificates of {', '.join(holders)}, " if holders else ""
    text = f"from {anchor.vendor}: {who}trust anchor, {len(bundle.crls)} revocation lists"
    return _explanation("certificates and trust anchor", text, anchor, signers)


def _certificates(data: bytes) -> Explanation:
    try:
        found = x509.load_pem_x509_certificates(data)
        read = [read_certificate(one.public_bytes(Encoding.DER)) for one in found]
    except UNREADABLE as error:
        raise Refusal(Code.MALFORMED, f"certificates that cannot be read: {error}") from None
    text = f"{len(read)} in PEM"
    return _explanation("certificates", text, {}, [describe_certificate(one) for one in read])


def _anchor(data: bytes) -> Explanation | None:
    try:
        anchor = TrustAnchor.from_bytes(data)
    except Refusal:
        return None
    return _explanation(TrustAnchor.NAME, summary(anchor), anchor, [])


def _revocation_list(data: bytes) -> Explanation | None:
    try:
        crl = x509.load_der_x509_crl(data)
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        revoked = [f"{entry.serial_number:x}" for entry in crl]
        issuer = crl.issuer.rfc4514_string()
        issued = crl.last_update_utc.isoformat()
    except (*UNREADABLE, x509.ExtensionNotFound):
        return None
    text = f"number {number} of {issuer}; {len(revoked)} revoked"
    fields = {"issuer": issuer, "number": number, "issued": issued, "revoked": revoked}
    return _explanation("revocation list", text, fields, [])


def _receipts(data: bytes) -> Explanation | None:
    try:
        found = decode_receipts(data)
        told = [part for part in map(_signed, found) if part is not None]
    except Refusal:
        return None
    return _explanation("receipts file", f"{len(told)} receipts", {"receipts": told}, [])


def _explanation(kind: str, text: str, fields: object, signers: list[dict[str, Any]]) -> Explanation:
    return {"kind": kind, "summary": text, "fields": _visible(plain(fields)), "signers": signers}


def _visible(value: Any) -> Any:
    """A value without what nobody wants to read: the extension maps, and the references to pages."""
    if isinstance(value, dict):
        return {name: _visible(item) for name, item in value.items() if name not in _HIDDEN}
    return [_visible(item) for item in value] if isinstance(value, list) else value
