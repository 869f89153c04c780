"""Vectors of the objects: a full one and a bare one of each kind, and each rule broken once."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

from media_format import cbor, limits
from media_format.objects import (
    Acknowledgement,
    Answer,
    ChainHead,
    Chunk,
    ChunkPage,
    Cipher,
    Codec,
    Component,
    ComponentKind,
    CrlNumber,
    DeviceBinding,
    DeviceKind,
    DeviceTime,
    Directive,
    EncryptionKey,
    EnrolmentRequest,
    Entitlement,
    Envelope,
    EnvelopeKind,
    Family,
    Kem,
    Manifest,
    Mode,
    Order,
    Outcome,
    PageReference,
    Policy,
    Present,
    Receipt,
    ReceiptTime,
    Recipient,
    RefusalCount,
    Request,
    Role,
    Root,
    Run,
    SignatureRule,
    SlotReport,
    TrustAnchor,
    Wrap,
)
from media_format.refusal import Code
from media_format.wire import Record
from tests.formats.vector_makers import keys
from tests.formats.vector_makers.files import Folder

NOW = 1_800_000_000
_CRLS = (CrlNumber(issuer=keys.drawn("an issuer"), number=7),)
_EXTENSION = ((1000, "for later"),)

PAGE = ChunkPage(
    component=0,
    first=0,
    stored_offset=0,
    chunks=(
        Chunk(Codec.RAW, keys.drawn("raw"), 4096, keys.drawn("raw")),
        Chunk(Codec.ZSTD, keys.drawn("zstd"), 100, keys.drawn("stored")),
        Chunk(Codec.ZERO, hashlib.sha256(bytes(4096)).digest()),
        Chunk(Codec.SAME, keys.drawn("raw"), source=0),
    ),
    optional=_EXTENSION,
)
_REFERENCE = PageReference(digest=hashlib.sha256(PAGE.to_bytes()).digest(), length=len(PAGE.to_bytes()))
_COMPONENT = Component(
    name="image",
    kind=ComponentKind.IMAGE,
    slot="rootfs",
    offset=0,
    size=4 * 4096,
    chunk_size=4096,
    digest=keys.drawn("image"),
)
MANIFEST = Manifest(
    format=1,
    release_id=keys.drawn("release", 16),
    product="pump",
    line="stable",
    version="1.5.0",
    index=5,
    security_floor=2,
    hardware=("rev-a", "rev-b"),
    components=(
        _COMPONENT,
        dataclasses.replace(
            _COMPONENT, name="migrate", kind=ComponentKind.HOOK, slot="hooks", offset=4096, size=1
        ),
    ),
    pages=(_REFERENCE, _REFERENCE),
    stored_size=4196,
    created=NOW,
    install_by=NOW + 86400,
    crl_numbers=_CRLS,
    notes="Fixes the valve.\nTakes two minutes.",
    optional=_EXTENSION,
)
RECIPIENT = Recipient(
    key_id=keys.drawn("key id"),
    wraps=(
        Wrap(kem=Kem.P256, encapsulation=b"\x04" + keys.drawn("point", 64)),
        Wrap(kem=Kem.XWING, encapsulation=keys.drawn("encapsulation", 1120)),
    ),
    wrapped_key=keys.drawn("wrapped", 64),
    device=DeviceBinding(
        id="pump-17",
        epoch=1,
        answers=Answer(nonce=keys.drawn("nonce"), counter=7),
        acknowledges=Acknowledgement(counter=3, digest=keys.drawn("receipt")),
    ),
)
ENVELOPE = Envelope(
    format=1,
    kind=EnvelopeKind.DELIVERY,
    package_id=keys.drawn("package", 16),
    manifest_digest=keys.drawn("manifest"),
    issued_at=NOW,
    expires=NOW + 86400,
    crl_numbers=_CRLS,
    cipher=Cipher.COBBLESTONE_256,
    payload_length=100_000,
    segment_size=limits.MIN_SEGMENT_SIZE,
    present=Present(
        runs=(Run(first=0, count=2), Run(first=3, count=1)), page_offsets=(0, 4096), base=bytes(32)
    ),
    recipients=(RECIPIENT,),
    optional=_EXTENSION,
)
_BARE_ENVELOPE = dataclasses.replace(
    ENVELOPE, cipher=Cipher.NONE, payload_length=0, crl_numbers=(), present=None, recipients=(), optional=()
)
REQUEST = Request(
    format=1,
    device_id="pump-17",
    epoch=1,
    product="pump",
    line="stable",
    hardware="rev-b",
    slots=(
        SlotReport(
            slot="rootfs",
            bank=0,
            active=True,
            capacity=1 << 20,
            component="image",
            version="1.4.0",
            manifest_digest=keys.drawn("installed"),
            measured=keys.drawn("measured"),
        ),
        SlotReport(slot="rootfs", bank=1, active=False, capacity=1 << 20),
    ),
    head=ChainHead(line="stable", index=4, manifest_digest=keys.drawn("installed")),
    security_floor=2,
    time_floor=NOW - 86400,
    counter=7,
    nonce=keys.drawn("nonce"),
    time=DeviceTime(source="rtc", time=NOW),
    formats=(1,),
    ciphers=(0, 1, 99),
    kems=(0x10, 0x647A, 0xFFFF),
    largest_chunk=1 << 20,
    free_space=1 << 30,
    crl_numbers=_CRLS,
    refusals=(RefusalCount(code=Code.MALFORMED, count=3),),
    reuse=True,
    quote=b"a quote",
    optional=_EXTENSION,
)
_BARE_REQUEST = dataclasses.replace(
    REQUEST,
    slots=REQUEST.slots[1:],
    head=None,
    time=DeviceTime(source="none"),
    kems=(),
    crl_numbers=(),
    refusals=(),
    quote=None,
    optional=(),
)
RECEIPT = Receipt(
    format=1,
    device_id="pump-17",
    epoch=1,
    counter=4,
    previous=keys.drawn("receipt"),
    package_id=keys.drawn("package", 16),
    manifest_digest=keys.drawn("manifest"),
    outcome=Outcome.REFUSED,
    code=Code.ROLLBACK,
    detail="index 4 is behind 5, confirmed here",
    version_before="1.5.0",
    version_after="1.5.0",
    time=ReceiptTime(source="rtc", started=NOW, finished=NOW + 1),
    duration_ms=1000,
    optional=_EXTENSION,
)
_BARE_RECEIPT = Receipt(
    format=1,
    device_id="pump-17",
    epoch=0,
    counter=0,
    outcome=Outcome.CONFIRMED,
    time=ReceiptTime(source="none"),
    duration_ms=0,
)
_POLICY = Policy(
    signatures=(SignatureRule(family=Family.ECDSA, count=2), SignatureRule(family=Family.ML_DSA, count=1)),
    crl_max_age=30 * 86400,
    clock_horizon=10 * 365 * 86400,
    nonce_boots=2,
    nonce_uptime=86400,
    box_time=True,
    unrequested=False,
    modes=(Mode.SEALED, Mode.SHARED, Mode.SIGNED),
)
ANCHOR = TrustAnchor(
    format=1,
    vendor="Acme",
    roots=(
        Root(family=Family.ECDSA, certificate=b"an ECDSA root"),
        Root(family=Family.ML_DSA, certificate=b"an ML-DSA root"),
    ),
    policy=_POLICY,
    optional=_EXTENSION,
)
_BARE_ANCHOR = dataclasses.replace(
    ANCHOR,
    roots=ANCHOR.roots[:1],
    policy=dataclasses.replace(_POLICY, signatures=_POLICY.signatures[:1], crl_max_age=None),
    optional=(),
)
ENROLMENT = EnrolmentRequest(
    format=1,
    role=Role.DEVICE,
    id="pump-17",
    epoch=1,
    device=DeviceKind(product="pump", line="stable", hardware="rev-b"),
    identity=keys.spki(keys.p256("device identity")),
    encryption=EncryptionKey(
        p256=keys.spki(keys.p256("device")), xwing=keys.recipient_key("device", x=True).xwing
    ),
    attestation=b"an attestation",
    challenge=keys.drawn("challenge"),
    optional=_EXTENSION,
)
_BARE_ENROLMENT = EnrolmentRequest(
    format=1,
    role=Role.BOX,
    id="box-1",
    epoch=1,
    identity=keys.spki(keys.p256("box identity")),
    encryption=EncryptionKey(p256=keys.spki(keys.p256("box"))),
)
DIRECTIVE = Directive(
    format=1,
    directive_id=keys.drawn("directive", 16),
    role=Role.DEVICE,
    target="pump-17",
    epoch=1,
    sequence=1,
    issued_at=NOW,
    order=Order.TIME_FLOOR,
    time_floor=NOW - 86400,
    optional=_EXTENSION,
)


def _directive(order: Order, **fields: Any) -> Directive:
    return dataclasses.replace(DIRECTIVE, order=order, time_floor=None, optional=(), **fields)


ENTITLING = _directive(
    Order.ENTITLE,
    role=Role.BOX,
    target="box-1",
    entitlements=(
        Entitlement(allowed=True, product="pump", line="stable", hardware="rev-b", optional=_EXTENSION),
        Entitlement(allowed=False, first="pump-17", last="pump-99"),
    ),
)


VALID: tuple[tuple[str, Record], ...] = (
    ("a manifest", MANIFEST),
    (
        "a manifest of one byte, with nothing that may be left out",
        dataclasses.replace(
            MANIFEST,
            components=(dataclasses.replace(_COMPONENT, size=1),),
            pages=(_REFERENCE,),
            install_by=None,
            crl_numbers=(),
            notes="",
            optional=(),
            security_floor=0,
        ),
    ),
    ("a page with every codec", PAGE),
    ("the envelope of a delivery with everything", ENVELOPE),
    ("the envelope of a delivery without encryption that names no device", _BARE_ENVELOPE),
    (
        "the envelope of a release",
        dataclasses.replace(
            ENVELOPE,
            kind=EnvelopeKind.RELEASE,
            present=None,
            recipients=(dataclasses.replace(RECIPIENT, wraps=RECIPIENT.wraps[:1], device=None),),
        ),
    ),
    ("a request", REQUEST),
    ("a request with nothing that may be left out", _BARE_REQUEST),
    ("a receipt", RECEIPT),
    ("the first receipt of a device without a clock", _BARE_RECEIPT),
    ("a trust anchor", ANCHOR),
    ("a trust anchor with one root", _BARE_ANCHOR),
    ("the enrolment request of a device", ENROLMENT),
    ("the enrolment request of a box", _BARE_ENROLMENT),
    ("a directive that lowers the time floor", DIRECTIVE),
    ("a directive that entitles", ENTITLING),
    ("a directive that renews", _directive(Order.RENEW, certificates=(b"a certificate",))),
    (
        "a directive that cross-signs",
        _directive(Order.CROSS_SIGN, root=ANCHOR.roots[1], cross_certificate=b"the same by the old root"),
    ),
)

_CHANGES: tuple[tuple[str, Record, dict[int | str, Any], Code], ...] = (
    ("a manifest of version 2", MANIFEST, {1: 2}, Code.UNSUPPORTED_FORMAT),
    ("a manifest without a product", MANIFEST, {3: ...}, Code.MALFORMED),
    ("a manifest with an unknown key", MANIFEST, {16: 0}, Code.MALFORMED),
    ("a manifest with a text key", MANIFEST, {"16": 0}, Code.MALFORMED),
    ("a manifest with a critical extension", MANIFEST, {30: {1: 0}}, Code.UNSUPPORTED_FORMAT),
    ("a manifest with no critical extensions in their place", MANIFEST, {30: {}}, Code.MALFORMED),
    ("a manifest with null for extensions", MANIFEST, {31: None}, Code.MALFORMED),
    ("a manifest with a product of 65 bytes", MANIFEST, {3: "p" * 65}, Code.MALFORMED),
    ("a manifest with an empty product", MANIFEST, {3: ""}, Code.MALFORMED),
    ("a manifest whose version turns the direction of writing", MANIFEST, {5: "\u202e0.5.1"}, Code.MALFORMED),
    ("a manifest with a line feed in its version", MANIFEST, {5: "1\n5"}, Code.MALFORMED),
    ("a manifest with index 0", MANIFEST, {6: 0}, Code.MALFORMED),
    ("a manifest with true for its index", MANIFEST, {6: True, 7: 0}, Code.MALFORMED),
    ("a manifest with a floor above its index", MANIFEST, {7: 6}, Code.MALFORMED),
    ("a manifest for no hardware", MANIFEST, {8: []}, Code.MALFORMED),
    ("a manifest with two components of one name", MANIFEST, {9: [_COMPONENT.to_map()] * 2}, Code.MALFORMED),
    ("a manifest with a page too few", MANIFEST, {10: [_REFERENCE.to_map()]}, Code.MALFORMED),
    ("a manifest with a number of 2^63", MANIFEST, {11: 2**63}, Code.MALFORMED),
    ("a manifest to be installed before it was created", MANIFEST, {13: NOW - 1}, Code.MALFORMED),
    (
        "a manifest with a component of an unknown kind",
        MANIFEST,
        {9: [{**_COMPONENT.to_map(), 2: "text"}], 10: [_REFERENCE.to_map()]},
        Code.UNSUPPORTED_FORMAT,
    ),
    (
        "a manifest with a chunk size that is no power of two",
        MANIFEST,
        {9: [{**_COMPONENT.to_map(), 6: 5000}], 10: [_REFERENCE.to_map()]},
        Code.MALFORMED,
    ),
    (
        "a manifest with a component that reaches past 2^63",
        MANIFEST,
        {9: [{**_COMPONENT.to_map(), 4: 2**63 - 1}], 10: [_REFERENCE.to_map()]},
        Code.MALFORMED,
    ),
    ("a page without chunks", PAGE, {4: []}, Code.MALFORMED),
    ("a page with an unknown codec", PAGE, {4: [[4, bytes(32)]]}, Code.UNSUPPORTED_FORMAT),
    ("a page with a raw chunk of no length", PAGE, {4: [[0, bytes(32), 0]]}, Code.MALFORMED),
    ("a page with a chunk of zeros that has a length", PAGE, {4: [[2, bytes(32), 1]]}, Code.MALFORMED),
    ("an envelope of an unknown kind", ENVELOPE, {2: 3}, Code.UNSUPPORTED_FORMAT),
    ("an envelope that expires before it is issued", ENVELOPE, {6: NOW - 1}, Code.MALFORMED),
    ("an envelope with an unknown cipher", ENVELOPE, {8: 2}, Code.UNSUPPORTED_FORMAT),
    ("an envelope whose segments end within a page", ENVELOPE, {10: 65537}, Code.MALFORMED),
    ("an envelope of 1001 segments", ENVELOPE, {9: 1000 * 65536 + 1}, Code.MALFORMED),
    ("an encrypted package for nobody", ENVELOPE, {12: []}, Code.MALFORMED),
    ("a wrapped key where nothing is encrypted", ENVELOPE, {8: 0}, Code.MALFORMED),
    ("a release for a device", ENVELOPE, {2: 1}, Code.MALFORMED),
    ("a delivery for a box", ENVELOPE, {12: [{**RECIPIENT.to_map(), 4: ...}]}, Code.MALFORMED),
    (
        "runs that touch",
        ENVELOPE,
        {11: {1: [{1: 0, 2: 1}, {1: 1, 2: 1}], 2: [0], 3: bytes(32)}},
        Code.MALFORMED,
    ),
    (
        "an unknown mechanism",
        ENVELOPE,
        {12: [{**RECIPIENT.to_map(), 2: [{1: 0x20, 2: bytes(65)}]}]},
        Code.UNSUPPORTED_FORMAT,
    ),
    (
        "an encapsulation of another mechanism",
        ENVELOPE,
        {12: [{**RECIPIENT.to_map(), 2: [{1: 0x10, 2: bytes(1120)}]}]},
        Code.MALFORMED,
    ),
    ("a request with a short nonce", REQUEST, {12: bytes(31)}, Code.MALFORMED),
    ("a request of no slots", REQUEST, {7: []}, Code.MALFORMED),
    ("a request with 1 for true", REQUEST, {21: 1}, Code.MALFORMED),
    ("a request that counts an unknown code", REQUEST, {20: [{1: "tired", 2: 1}]}, Code.UNSUPPORTED_FORMAT),
    ("a receipt of an unknown outcome", RECEIPT, {8: 6}, Code.UNSUPPORTED_FORMAT),
    ("a refusal without a code", RECEIPT, {9: ...}, Code.MALFORMED),
    ("a success with a code", RECEIPT, {8: 2}, Code.MALFORMED),
    ("a receipt of the year 10000", RECEIPT, {13: {1: "rtc", 2: 253402300800}}, Code.MALFORMED),
    ("an anchor without roots", ANCHOR, {3: []}, Code.MALFORMED),
    (
        "an anchor with a rule for a family without a root",
        ANCHOR,
        {3: [ANCHOR.roots[0].to_map()]},
        Code.MALFORMED,
    ),
    ("a box that says what device it is", ENROLMENT, {2: "box"}, Code.MALFORMED),
    ("a device that does not say what it is", ENROLMENT, {5: ...}, Code.MALFORMED),
    (
        "half of an X-Wing key",
        ENROLMENT,
        {7: {1: keys.spki(keys.p256("device")), 2: bytes(1184)}},
        Code.MALFORMED,
    ),
    ("a directive with two orders", DIRECTIVE, {11: [b"a certificate"]}, Code.MALFORMED),
    ("a directive without its order's field", DIRECTIVE, {9: ...}, Code.MALFORMED),
    (
        "a root that no other root vouches for",
        DIRECTIVE,
        {8: 4, 9: ..., 12: ANCHOR.roots[1].to_map()},
        Code.MALFORMED,
    ),
    ("a directive that entitles a device", ENTITLING, {3: "device"}, Code.MALFORMED),
    ("an entitlement that names no device", ENTITLING, {10: [{1: True}]}, Code.MALFORMED),
    ("an entitlement with half a range", ENTITLING, {10: [{1: True, 2: "pump", 5: "1"}]}, Code.MALFORMED),
    (
        "an entitlement for ids of two lengths",
        ENTITLING,
        {10: [{1: True, 5: "pump-9", 6: "pump-10"}]},
        Code.MALFORMED,
    ),
    (
        "an entitlement whose range ends before it begins",
        ENTITLING,
        {10: [{1: True, 5: "pump-2", 6: "pump-1"}]},
        Code.MALFORMED,
    ),
)


def _changed(fields: dict[int | str, Any]) -> dict[int | str, Any]:
    """The fields without those that are `...`, here and in records inside."""
    kept = {key: value for key, value in fields.items() if value is not ...}
    return {
        key: [_changed(item) if isinstance(item, dict) else item for item in value]
        if isinstance(value, list)
        else value
        for key, value in kept.items()
    }


def make(root: Path) -> None:
    folder = Folder(root, "objects")
    for name, made in VALID:
        folder.add(name, kind=made.NAME, data=made.to_bytes().hex())
    for name, made, changes, code in _CHANGES:
        data = cbor.encode(_changed({**made.to_map(), **changes}))
        folder.add(name, code, kind=made.NAME, data=data.hex())
    folder.write()
