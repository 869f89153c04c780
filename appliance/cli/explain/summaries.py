"""One sentence for each kind of object: what it is, for whom, until when."""

from __future__ import annotations

from appliance.cli.explain.spans import day
from media_format.objects import (
    Cipher,
    Directive,
    EnrolmentRequest,
    Envelope,
    EnvelopeKind,
    Manifest,
    Outcome,
    Receipt,
    Request,
    TrustAnchor,
)
from media_format.wire import Record


def summary(record: Record) -> str:
    """What an object is, in a sentence without a full stop."""
    match record:
        case Envelope():
            return _envelope(record)
        case Manifest():
            return _manifest(record)
        case Request():
            return _request(record)
        case Receipt():
            return _receipt(record)
        case EnrolmentRequest():
            return f"{record.role} {record.id}, epoch {record.epoch}, asks for certificates"
        case Directive():
            order = record.order.name.lower().replace("_", " ")
            return f"number {record.sequence} for {record.role} {record.target}: {order}"
        case TrustAnchor():
            return f"{record.vendor}, {len(record.roots)} root(s)"
    return ""


def _envelope(envelope: Envelope) -> str:
    release = envelope.manifest_digest.hex()[:16]
    if envelope.kind is EnvelopeKind.DELIVERY:
        devices = ", ".join(one.device.id for one in envelope.recipients if one.device) or "every device"
        what = f"delivery of release {release}… for {devices}"
    else:
        what = f"release {release}… for {len(envelope.recipients)} box(es)"
    how = "signed only" if envelope.cipher is Cipher.NONE else "encrypted"
    span = f"from {day(envelope.issued_at)} to {day(envelope.expires)}"
    return f"{what}, {envelope.payload_length:,} bytes {how}, {span}"


def _manifest(manifest: Manifest) -> str:
    size = sum(component.size for component in manifest.components)
    until = f", to be installed by {day(manifest.install_by)}" if manifest.install_by is not None else ""
    return (
        f"{manifest.product} {manifest.version}, release {manifest.index} of line {manifest.line}, for "
        f"{', '.join(manifest.hardware)}: {len(manifest.components)} component(s), {size:,} bytes, "
        f"made {day(manifest.created)}{until}"
    )


def _request(request: Request) -> str:
    running = next((slot.version for slot in request.slots if slot.active and slot.version), "no release")
    kind = f"{request.product}/{request.line} on {request.hardware}"
    return f"number {request.counter} of {request.device_id} ({kind}), which runs {running}"


def _receipt(receipt: Receipt) -> str:
    outcome = receipt.outcome.name.lower().replace("_", " ")
    code = f" ({receipt.code})" if receipt.code else ""
    if receipt.outcome is Outcome.REFUSED:
        versions = f", still runs {receipt.version_after or 'no release'}"
    else:
        versions = f", {receipt.version_before or 'no release'} → {receipt.version_after or 'no release'}"
    return f"number {receipt.counter} of {receipt.device_id}: {outcome}{code}{versions}"
