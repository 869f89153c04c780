"""Importing a release: everything in it is verified before the box says that it has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session as Transaction

from appliance.box import offering
from appliance.box.faults import FaultCode
from appliance.box.identity import TRANSPORT, Identity
from appliance.box.package_volume import KeptFile
from appliance.box.schema import PackageFileRow, ReleaseRow
from appliance.box.store import Store
from appliance.box.stored import StoredCheck, opened_runs
from appliance.box.users import Session
from appliance.tpm import Tpm
from appliance.trust.clock import TrustedTime
from appliance.trust.crl import RevocationLists
from appliance.trust.release import VerifiedRelease, admit_release
from appliance.trust.verifier import PackageBytes
from media_format.errors import MachineFault
from media_format.objects import Kem
from media_format.package import PackageReader, PackageWriter
from media_format.payload.cobblestone import Opener
from media_format.payload.context import payload_context
from media_format.progress import Progress, Report
from media_format.refusal import Code, Refusal
from media_format.sealing import open_recipient


@dataclass(frozen=True, slots=True)
class ReleaseInfo:
    """A release in the store, as lists show it."""

    manifest_digest: bytes
    package_id: bytes
    product: str
    line: str
    version: str
    index: int
    hardware: tuple[str, ...]
    notes: str
    size: int
    """Bytes of all components."""
    imported: int
    retired: int | None = None
    """When it was taken off the offer; its package is removed then. None while it is offered."""


PHASE: Final = "import"


def content_key(verified: VerifiedRelease, identity: Identity, tpm: Tpm, session: Session) -> bytes:
    """The release's content key, opened in the TPM. Refusal(decryption-failed)."""
    key = identity.transport.encryption
    assert key is not None

    def open_layer(kem: int, encapsulation: bytes, sealed: bytes, info: bytes) -> bytes:
        return tpm.open(TRANSPORT[Kem(kem)], encapsulation, sealed, info, session.authorisation)

    envelope = verified.envelope
    return open_recipient(verified.recipient, envelope.package_id, envelope.manifest_digest, key, open_layer)


def admit(
    package: PackageBytes, identity: Identity, lists: RevocationLists, now: TrustedTime
) -> VerifiedRelease:
    """Judge a release's manifest and envelope."""
    key = identity.transport.encryption
    assert key is not None
    return admit_release(package, identity.bundle.anchor, lists, now, key)


def known(transaction: Transaction, verified: VerifiedRelease) -> ReleaseRow | None:
    """The release as the store has it already.

    Raises Refusal(equivocation) where another release has its package id: the folders would be one.
    """
    row = transaction.get(ReleaseRow, verified.manifest_digest)
    package_id = verified.envelope.package_id
    held = transaction.scalars(select(ReleaseRow).where(ReleaseRow.package_id == package_id)).first()
    if held is not None and held.manifest_digest != verified.manifest_digest:
        raise Refusal(Code.EQUIVOCATION, f"the package id {package_id.hex()} is that of {held.version}")
    return row


def copy_in(
    reader: PackageReader,
    package: PackageBytes,
    verified: VerifiedRelease,
    key: bytes,
    store: Store,
    report: Report,
) -> tuple[KeptFile, ...]:
    """Copy the package into the store as it is sealed, verifying every page and chunk on the way.

    Each file is durable before the next is begun. Nothing of the package remains when it is refused. Returns
    the files with their digests.
    """
    envelope, manifest = verified.envelope, verified.manifest
    volume = store.packages()
    writer = PackageWriter(volume, envelope.package_id.hex())
    try:
        writer.write_manifest(package.manifest)
        pages = (reader.page(manifest, number) for number in range(len(manifest.pages)))
        writer.write_table(_verified_pages(verified, pages), manifest.table_size)
        copied = PackageReader(volume, writer.folder)
        check = StoredCheck(
            verified.page(number, copied.page(manifest, number)) for number in range(len(manifest.pages))
        )
        payload = writer.payload(envelope.payload_length, envelope.segment_size)
        try:
            opener = Opener(key, payload_context(envelope.package_id, envelope.manifest_digest))
            done = 0
            for sealed, _ in opened_runs(reader.payload(envelope), opener, check):
                payload.append(sealed)
                done += len(sealed)
                report(Progress(PHASE, done, envelope.payload_length))
            payload.close()
        except BaseException:
            payload.discard()
            raise
        writer.write_envelope(package.envelope)
        return volume.kept(writer.folder)
    except BaseException:
        with suppress(MachineFault):
            # What a failing disk keeps of it goes with the next import.
            writer.abandon()
        raise
    finally:
        volume.close()


def size(package: PackageBytes, verified: VerifiedRelease) -> int:
    """Bytes of a package's files."""
    table = verified.manifest.table_size
    return len(package.manifest) + table + verified.envelope.payload_length + len(package.envelope)


def _verified_pages(verified: VerifiedRelease, pages: Iterator[bytes]) -> Iterator[bytes]:
    for number, page in enumerate(pages):
        verified.page(number, page)
        yield page


def record(
    transaction: Transaction,
    verified: VerifiedRelease,
    manifest: bytes,
    files: tuple[KeptFile, ...],
    now: TrustedTime,
) -> ReleaseRow:
    """Enter an imported release into the database, in the place of one that was lost or retired."""
    package_id, digest = verified.envelope.package_id, verified.manifest_digest
    before = transaction.get(ReleaseRow, digest)
    if before is not None:
        transaction.execute(delete(PackageFileRow).where(PackageFileRow.package_id == before.package_id))
    row = ReleaseRow(
        manifest_digest=digest,
        package_id=package_id,
        product=verified.manifest.product,
        line=verified.manifest.line,
        version=verified.manifest.version,
        release_index=verified.manifest.index,
        manifest=manifest,
        imported=now.time,
        retired=None,
    )
    row = transaction.merge(row)
    transaction.flush()
    transaction.add_all(
        PackageFileRow(package_id=package_id, name=file.name, size=file.size, digest=file.digest)
        for file in files
    )
    return row


def listed(transaction: Transaction, *, retired: bool) -> tuple[ReleaseInfo, ...]:
    """The releases that are offered, or those that were retired, by product and line, the newest first."""
    order = (ReleaseRow.product, ReleaseRow.line, ReleaseRow.release_index.desc())
    offered = ReleaseRow.retired.is_(None)
    wanted = select(ReleaseRow).where(~offered if retired else offered).order_by(*order)
    return tuple(info(row) for row in transaction.scalars(wanted))


def info(row: ReleaseRow) -> ReleaseInfo:
    """A release as lists show it. MachineFault(store-damaged)."""
    try:
        found = offering.manifest(row)
    except Refusal as refusal:
        raise MachineFault(
            f"the release {row.manifest_digest.hex()} in the store is damaged: {refusal.detail}",
            code=FaultCode.DAMAGED,
            advice="put back a backup of the box",
        ) from None
    return ReleaseInfo(
        manifest_digest=row.manifest_digest,
        package_id=row.package_id,
        product=row.product,
        line=row.line,
        version=row.version,
        index=row.release_index,
        hardware=found.hardware,
        notes=found.notes,
        size=sum(component.size for component in found.components),
        imported=row.imported,
        retired=row.retired,
    )
