"""A release: signed with a key made for it alone, sealed for the boxes that are to carry it."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from appliance.trust.bundle import Bundle
from appliance.trust.purpose import Purpose
from appliance.trust.signer import KeySigner
from appliance.vendor.builder import ComponentSource, Contents, measure, stored_chunks
from media_format import cose, layout, limits
from media_format.objects import Cipher, CrlNumber, Envelope, EnvelopeKind, Manifest
from media_format.package import PackageWriter
from media_format.payload.cobblestone import Sealer, ciphertext_length
from media_format.payload.context import payload_context
from media_format.progress import Progress, Report
from media_format.sealing import CONTENT_KEY_SIZE, seal_recipient
from media_format.volume.seam import Volume


@dataclass(frozen=True, slots=True)
class ReleaseOrder:
    """What to release. Once it is confirmed, nothing below index `security_floor` boots any more."""

    product: str
    line: str
    version: str
    components: tuple[ComponentSource, ...]
    boxes: tuple[Bundle, ...]
    hardware: tuple[str, ...] = ()
    notes: str = ""
    security_floor: int = 0
    install_by: int | None = None
    chunk_size: int = limits.DEFAULT_CHUNK_SIZE
    segment_size: int = limits.DEFAULT_SEGMENT_SIZE


@dataclass(frozen=True, slots=True)
class Built:
    """A release that was written. Sizes in bytes."""

    folder: str
    package_id: bytes
    manifest_digest: bytes
    product: str
    line: str
    version: str
    index: int
    plain_size: int
    stored_size: int


@dataclass(frozen=True, slots=True)
class Signing:
    """What signs a release: signers of the manifest, the sealer of the envelope, what they refer to."""

    signers: tuple[cose.Signer, ...]
    sealer: KeySigner
    index: int
    crl_numbers: tuple[CrlNumber, ...]
    created: int
    expires: int


@dataclass(frozen=True, slots=True)
class SignedManifest:
    """A manifest and the MANIFEST.CBR that holds it; `digest` is SHA-256 over its payload."""

    manifest: Manifest
    data: bytes
    digest: bytes


@dataclass(frozen=True, slots=True)
class Sealing:
    """For whom a package is sealed, by whom and when, in segments of which size."""

    boxes: tuple[Bundle, ...]
    sealer: KeySigner
    crl_numbers: tuple[CrlNumber, ...]
    issued_at: int
    expires: int
    segment_size: int


def write_release(
    volume: Volume, order: ReleaseOrder, signing: Signing, spool: Path, report: Report
) -> Built:
    """Read the images, sign, seal and write the package. Nothing stays on the volume when it fails."""
    contents = measure(order.components, order.chunk_size, spool, report)
    try:
        manifest = _manifest(order, signing, contents)
        payload = manifest.to_bytes()
        data = cose.sign(Manifest.CONTENT_TYPE, payload, signing.signers)
        signed = SignedManifest(manifest, data, hashlib.sha256(payload).digest())
        dates = (signing.crl_numbers, signing.created, signing.expires)
        sealing = Sealing(order.boxes, signing.sealer, *dates, order.segment_size)
        return write_package(volume, signed, order.components, contents, sealing, report)
    finally:
        contents.table.close()


def write_package(
    volume: Volume,
    signed: SignedManifest,
    sources: tuple[ComponentSource, ...],
    contents: Contents,
    sealing: Sealing,
    report: Report,
) -> Built:
    """Seal a signed release and write the package. Nothing stays on the volume when it fails."""
    package_id, key, manifest = os.urandom(16), os.urandom(CONTENT_KEY_SIZE), signed.manifest
    writer = PackageWriter(volume, layout.package_folder(package_id))
    try:
        writer.write_manifest(signed.data)
        writer.write_table(contents.table.pages(), contents.table.size)
        sealer = Sealer(key, payload_context(package_id, signed.digest))
        _write_payload(writer, sources, contents, sealing.segment_size, sealer, report)
        writer.write_envelope(_envelope(sealing, package_id, signed.digest, contents.stored_size, key))
    except BaseException:
        writer.abandon()
        raise
    return Built(
        folder=writer.folder,
        package_id=package_id,
        manifest_digest=signed.digest,
        product=manifest.product,
        line=manifest.line,
        version=manifest.version,
        index=manifest.index,
        plain_size=sum(component.size for component in manifest.components),
        stored_size=contents.stored_size,
    )


def _manifest(order: ReleaseOrder, signing: Signing, contents: Contents) -> Manifest:
    return Manifest(
        format=limits.FORMAT_VERSION,
        release_id=os.urandom(16),
        product=order.product,
        line=order.line,
        version=order.version,
        index=signing.index,
        security_floor=order.security_floor,
        hardware=order.hardware,
        components=contents.components,
        pages=tuple(contents.table.references),
        stored_size=contents.stored_size,
        created=signing.created,
        install_by=order.install_by,
        crl_numbers=signing.crl_numbers,
        notes=order.notes,
    )


def _write_payload(
    writer: PackageWriter,
    sources: tuple[ComponentSource, ...],
    contents: Contents,
    segment_size: int,
    sealer: Sealer,
    report: Report,
) -> None:
    payload = writer.payload(ciphertext_length(contents.stored_size), segment_size)
    done = 0
    try:
        for stored in stored_chunks(sources, contents):
            payload.append(sealer.update(stored))
            done += len(stored)
            report(Progress("seal", done, contents.stored_size))
        payload.append(sealer.finalize())
        payload.close()
    except BaseException:
        payload.discard()
        raise


def _envelope(sealing: Sealing, package_id: bytes, digest: bytes, stored_size: int, key: bytes) -> bytes:
    recipients = []
    for box in sealing.boxes:
        transport = box.verified(Purpose.BOX_TRANSPORT).encryption
        assert transport is not None
        recipients.append(seal_recipient(key, package_id, digest, transport, None))
    envelope = Envelope(
        format=limits.FORMAT_VERSION,
        kind=EnvelopeKind.RELEASE,
        package_id=package_id,
        manifest_digest=digest,
        issued_at=sealing.issued_at,
        expires=sealing.expires,
        crl_numbers=sealing.crl_numbers,
        cipher=Cipher.COBBLESTONE_256,
        payload_length=ciphertext_length(stored_size),
        segment_size=sealing.segment_size,
        recipients=tuple(recipients),
    )
    return cose.sign1(Envelope.CONTENT_TYPE, envelope.to_bytes(), sealing.sealer)
