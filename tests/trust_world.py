"""A vendor, a box and a device with their certificates, and packages made by them, right or wrong."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.trust.clock import Reading
from appliance.trust.crl import RevocationLists
from appliance.trust.device_view import DeviceView, SlotSpace
from appliance.trust.enrolment import VerifiedEnrolment, make_enrolment, read_enrolment
from appliance.trust.issuing import (
    Enrolled,
    Issuer,
    Revocation,
    create_issuing_ca,
    create_root,
    generate_issuer_key,
    issue_box,
    issue_crl,
    issue_device,
    issue_release_signer,
    issue_sealer,
)
from appliance.trust.profile import ReleaseBinding, RoleIdentity, read_certificate, spki
from appliance.trust.purpose import Purpose
from appliance.trust.signer import KeySigner, PrivateKey
from appliance.trust.verifier import InstallPlan, PackageBytes, admit_package
from media_format import cose
from media_format.objects import (
    Answer,
    Chunk,
    ChunkPage,
    Cipher,
    Codec,
    Component,
    ComponentKind,
    DeviceBinding,
    DeviceKind,
    EncryptionKey,
    EnrolmentRequest,
    Envelope,
    EnvelopeKind,
    Family,
    Kem,
    Manifest,
    Mode,
    PageReference,
    Policy,
    Recipient,
    Role,
    Root,
    SignatureRule,
    TrustAnchor,
    Wrap,
)
from media_format.payload.cobblestone import ciphertext_length
from media_format.payload.recipients import RecipientKey
from media_format.refusal import Code, Refusal

NOW = 1_800_000_000
DAY = 86400
YEAR = 365 * DAY
BIRTH = NOW - YEAR
"""When the vendor's CAs and everybody's certificates were made."""
NONCE = bytes(range(32))
CHUNK = 4096

POLICY = Policy(
    signatures=(SignatureRule(family=Family.ECDSA, count=1),),
    crl_max_age=None,
    clock_horizon=10 * YEAR,
    nonce_boots=2,
    nonce_uptime=30 * DAY,
    box_time=True,
    unrequested=True,
    modes=(Mode.SEALED,),
)
DEVICE = DeviceBinding(id="pump-17", epoch=1, answers=Answer(nonce=NONCE, counter=7))
KIND = DeviceKind(product="pump", line="stable", hardware="rev-b")


def refused(code: Code, *others: Code) -> Any:
    """Expect a refusal with one of these codes."""

    class _Refused:
        def __enter__(self) -> None:
            return None

        def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
            if error is None:
                pytest.fail(f"nothing was refused, expected {code}")
            if not isinstance(error, Refusal):
                return False
            assert error.code in (code, *others), error
            return True

    return _Refused()


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem(der: bytes, label: str) -> bytes:
    return (
        f"-----BEGIN {label}-----\n".encode() + base64.encodebytes(der) + f"-----END {label}-----\n".encode()
    )


@dataclass(frozen=True)
class Holder:
    """A box or device: its keys, its enrolment, its certificates."""

    identity_key: PrivateKey
    encryption_key: ec.EllipticCurvePrivateKey
    enrolment: VerifiedEnrolment
    issued: Enrolled

    @property
    def signer(self) -> KeySigner:
        return KeySigner(self.identity_key, self.issued.identity, self.issued.encryption[:1])

    @property
    def plain_signer(self) -> KeySigner:
        return KeySigner(self.identity_key, self.issued.identity)


def enrol(role: Role, name: str, *, epoch: int = 1, kind: DeviceKind | None = None) -> tuple[Any, ...]:
    identity, encryption = new_key(), new_key()
    request = EnrolmentRequest(
        format=1,
        role=role,
        id=name,
        epoch=epoch,
        device=kind,
        identity=spki(identity.public_key()),
        encryption=EncryptionKey(p256=spki(encryption.public_key())),
    )
    return identity, encryption, read_enrolment(make_enrolment(request, KeySigner(identity)))


@dataclass(frozen=True)
class World:
    """One vendor, one family of algorithms."""

    family: Family = Family.ECDSA
    policy: Policy = POLICY
    root: Issuer = field(init=False)
    issuers: dict[Purpose, Issuer] = field(init=False)
    box: Holder = field(init=False)
    device: Holder = field(init=False)
    release_key: Any = field(init=False)

    def __post_init__(self) -> None:
        root = create_root("Acme", generate_issuer_key(self.family), BIRTH)
        issuers = {
            purpose: create_issuing_ca(root, "Acme", purpose, generate_issuer_key(self.family), BIRTH)
            for purpose in (Purpose.RELEASE_CA, Purpose.BOX_CA, Purpose.DEVICE_CA)
        }
        self._set(root=root, issuers=issuers, release_key=new_key())
        self._set(box=self.new_box("box-1"), device=self.new_device("pump-17"))

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def new_box(self, name: str) -> Holder:
        identity, encryption, enrolment = enrol(Role.BOX, name)
        return Holder(
            identity,
            encryption,
            enrolment,
            issue_box(self.issuers[Purpose.BOX_CA], enrolment, BIRTH, 3 * YEAR),
        )

    def new_device(self, name: str, kind: DeviceKind = KIND, epoch: int = 1) -> Holder:
        identity, encryption, enrolment = enrol(Role.DEVICE, name, kind=kind, epoch=epoch)
        return Holder(
            identity, encryption, enrolment, issue_device(self.issuers[Purpose.DEVICE_CA], enrolment, BIRTH)
        )

    @property
    def anchor(self) -> TrustAnchor:
        return make_anchor(self.policy, self)

    def crl(
        self,
        purpose: Purpose | None,
        number: int,
        *revoked: bytes,
        at: int = NOW - DAY,
        issuer: Issuer | None = None,
    ) -> bytes:
        """A list of the CA with this purpose, or of the root, that revokes the leaves of `revoked`."""
        issuer = issuer or (self.root if purpose is None else self.issuers[purpose])
        entries = [Revocation(read_certificate(der).serial_number, at) for der in revoked]
        return issue_crl(issuer, entries, number, at, at + YEAR)

    def release_signer(
        self,
        index: int = 5,
        product: str = "pump",
        line: str = "stable",
        key: Any = None,
        now: int = NOW - 10 * DAY,
    ) -> KeySigner:
        key = key or new_key()
        binding = ReleaseBinding(product, line, index)
        identity = RoleIdentity(f"{product} {line} {index}", 0)
        ca = self.issuers[Purpose.RELEASE_CA]
        return KeySigner(key, issue_release_signer(ca, key.public_key(), identity, binding, now))

    def release_sealer(self) -> KeySigner:
        key = new_key()
        ca = self.issuers[Purpose.RELEASE_CA]
        return KeySigner(key, issue_sealer(ca, key.public_key(), RoleIdentity("sealer", 0), BIRTH, 3 * YEAR))

    def view(self, **changes: Any) -> DeviceView:
        """The device, with release 4 confirmed and a request outstanding."""
        view = DeviceView(
            id="pump-17",
            epoch=1,
            product="pump",
            line="stable",
            hardware="rev-b",
            key=self.device.enrolment.encryption,
            slots={"rootfs": SlotSpace(1 << 20), "kernel": SlotSpace(64 * 1024)},
            largest_chunk=1 << 16,
            time_floor=NOW - 100 * DAY,
            outstanding=Answer(nonce=NONCE, counter=7),
        )
        return dataclasses.replace(view, **changes)

    def recipient(self, **changes: Any) -> Recipient:
        return make_recipient(self.device.enrolment.encryption, **changes)

    def package(
        self,
        manifest: Manifest | None = None,
        *,
        signers: Sequence[cose.Signer] | None = None,
        sealer: cose.Signer | None = None,
        crls: tuple[bytes, ...] = (),
        **envelope: Any,
    ) -> PackageBytes:
        """A delivery for the device; `envelope` changes fields of the envelope."""
        manifest = manifest or make_manifest()
        payload = manifest.to_bytes()
        signers = [self.release_signer(manifest.index)] if signers is None else signers
        signed = cose.sign(Manifest.CONTENT_TYPE, payload, signers)
        fields = {"recipients": (self.recipient(),), **envelope}
        sealed = make_envelope(payload, manifest.stored_size, **fields).to_bytes()
        return PackageBytes(
            signed, cose.sign1(Envelope.CONTENT_TYPE, sealed, sealer or self.box.plain_signer), crls
        )

    def admit(
        self,
        package: PackageBytes | None = None,
        view: DeviceView | None = None,
        readings: Sequence[Reading] = (("rtc", NOW),),
        lists: RevocationLists | None = None,
        **policy: Any,
    ) -> InstallPlan:
        anchor = make_anchor(dataclasses.replace(self.policy, **policy), self)
        lists = lists or RevocationLists(anchor)
        return admit_package(package or self.package(), view or self.view(), anchor, lists, readings)


def make_anchor(policy: Policy, *worlds: World) -> TrustAnchor:
    """An anchor that pins the roots of several worlds."""
    roots = tuple(
        Root(family=world.family, certificate=world.root.certificate.public_bytes(Encoding.DER))
        for world in worlds
    )
    return TrustAnchor(format=1, vendor="Acme", roots=roots, policy=policy)


def make_pages() -> tuple[bytes, ...]:
    """The chunk table of `make_manifest`: an image of three chunks, a hook of one."""
    chunks = (
        Chunk(Codec.RAW, bytes([1]) * 32, CHUNK, bytes([1]) * 32),
        Chunk(Codec.SAME, bytes([1]) * 32, source=0),
        Chunk(Codec.ZSTD, bytes([2]) * 32, 10, bytes([3]) * 32),
    )
    first = ChunkPage(component=0, first=0, stored_offset=0, chunks=chunks)
    hook = ChunkPage(
        component=1, first=0, stored_offset=CHUNK + 10, chunks=(Chunk(Codec.ZERO, bytes([4]) * 32),)
    )
    return first.to_bytes(), hook.to_bytes()


def make_manifest(pages: Sequence[bytes] | None = None, **changes: Any) -> Manifest:
    """Release 5 of the pump's stable line."""
    pages = make_pages() if pages is None else pages
    fields: dict[str, Any] = {
        "format": 1,
        "release_id": bytes(16),
        "product": "pump",
        "line": "stable",
        "version": "1.5.0",
        "index": 5,
        "security_floor": 2,
        "hardware": ("rev-a", "rev-b"),
        "components": (
            make_component(name="image", size=3 * CHUNK - 100),
            make_component(name="hook", kind=ComponentKind.HOOK, slot="kernel", size=100),
        ),
        "pages": tuple(
            PageReference(digest=hashlib.sha256(page).digest(), length=len(page)) for page in pages
        ),
        "stored_size": CHUNK + 10,
        "created": NOW - 5 * DAY,
        "crl_numbers": (),
        "notes": "Fixes the valve.",
    }
    return Manifest(**{**fields, **changes})


def make_component(**changes: Any) -> Component:
    fields: dict[str, Any] = {
        "name": "image",
        "kind": ComponentKind.IMAGE,
        "slot": "rootfs",
        "offset": 0,
        "size": CHUNK,
        "chunk_size": CHUNK,
        "digest": bytes(32),
    }
    return Component(**{**fields, **changes})


def make_envelope(payload: bytes, stored_size: int, **changes: Any) -> Envelope:
    fields: dict[str, Any] = {
        "format": 1,
        "kind": EnvelopeKind.DELIVERY,
        "package_id": bytes(range(16)),
        "manifest_digest": hashlib.sha256(payload).digest(),
        "issued_at": NOW - DAY,
        "expires": NOW + 30 * DAY,
        "crl_numbers": (),
        "cipher": Cipher.COBBLESTONE_256,
        "payload_length": ciphertext_length(stored_size),
        "segment_size": 1 << 20,
    }
    return Envelope(**{**fields, **changes})


def make_recipient(
    key: RecipientKey,
    device: DeviceBinding | None = DEVICE,
    kems: Sequence[Kem] = (Kem.P256,),
    **changes: Any,
) -> Recipient:
    lengths = {Kem.P256: 65, Kem.XWING: 1120}
    wraps = tuple(Wrap(kem=kem, encapsulation=bytes(lengths[kem])) for kem in kems)
    fields = {"key_id": key.key_id, "wraps": wraps, "wrapped_key": bytes(48), "device": device}
    return Recipient(**{**fields, **changes})
