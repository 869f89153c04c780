"""Delivering: a release re-sealed for its recipients in one pass, written to a medium and read back."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from appliance.box.delivery import LIFETIME, Delivery, Target
from appliance.box.reuse import table_of
from appliance.box.stored import OpenedCheck, StoredCheck, ciphertext_runs, selected_runs
from appliance.box.worker import Worker
from media_format import cose, layout, limits
from media_format.objects import Cipher, Envelope, EnvelopeKind, Recipient
from media_format.package import PackageReader, PackageWriter
from media_format.payload.cobblestone import Opener, RandomAccess, Sealer
from media_format.payload.context import payload_context
from media_format.payload.presence import Presence
from media_format.payload.segments import SegmentReader
from media_format.progress import Progress, Report
from media_format.refusal import Code, Refusal
from media_format.sealing import CONTENT_KEY_SIZE, seal_recipient
from media_format.volume.seam import ReadBack, Volume

Cancelled = Callable[[], bool]
"""Asked between runs: whether to stop."""


class Cancel(Exception):
    """The person cancelled; the medium is clean."""


@dataclass(frozen=True, slots=True)
class Written:
    """A package that stands on the medium and was read back."""

    package_id: bytes
    devices: tuple[str, ...]
    manifest_digest: bytes
    version: str
    size: int
    """Bytes of the payload."""
    whole: int
    """Bytes that it would have with every chunk. What is missing stands on the devices already."""
    read_back: ReadBack


def write(volume: Volume, delivery: Delivery, report: Report, cancelled: Cancelled) -> Written:
    """Write one package and read it back.

    Raises Cancel when `cancelled` says so, Refusal(medium-*), and Refusal(digest-mismatch) where the
    medium gives back something else. Nothing of the package remains when it fails.
    """
    pass_ = _Pass(volume, delivery, report, cancelled)
    try:
        pass_.write()
        read_back = volume.settle()
        pass_.read_back()
    except BaseException:
        _abandon(pass_.writer)
        raise
    return Written(
        package_id=delivery.package_id,
        devices=delivery.devices,
        manifest_digest=delivery.release.manifest_digest,
        version=delivery.release.manifest.version,
        size=delivery.payload_length,
        whole=delivery.whole_length,
        read_back=read_back,
    )


def withdraw(volume: Volume, packages: Iterable[Written]) -> None:
    """Remove packages that were written, as far as the medium still answers."""
    for package in packages:
        _abandon(PackageWriter(volume, layout.package_folder(package.package_id)))


class _Pass:
    """One package on its way. Its key and its small objects' digests are kept for the reading back."""

    def __init__(self, volume: Volume, delivery: Delivery, report: Report, cancelled: Cancelled) -> None:
        self._volume = volume
        self._delivery = delivery
        self._package_id = delivery.package_id
        self._report = report
        self._cancelled = cancelled
        self._key = os.urandom(CONTENT_KEY_SIZE)
        self._digests: dict[str, bytes] = {}
        self.writer = PackageWriter(volume, layout.package_folder(delivery.package_id))

    def write(self) -> None:
        """Manifest and chunk table as the vendor made them, the payload sealed anew, the envelope last."""
        delivery = self._delivery
        self.writer.write_manifest(self._kept("manifest", delivery.manifest))
        self.writer.write_table(self._pages(delivery.source), delivery.release.manifest.table_size)
        self._write_payload()
        envelope = cose.sign1(Envelope.CONTENT_TYPE, self._envelope().to_bytes(), delivery.signer)
        self.writer.write_envelope(self._kept("envelope", envelope))

    def read_back(self) -> None:
        """Hold what the medium gives back against what was written. Refusal(digest-mismatch)."""
        delivery = self._delivery
        reader = PackageReader(self._volume, self.writer.folder)
        self._compare("envelope", reader.envelope())
        self._compare("manifest", reader.manifest())
        for _ in self._pages(reader):
            pass
        payload = SegmentReader(
            self._volume, self.writer.folder, delivery.payload_length, delivery.segment_size
        )
        self._read_payload_back(payload)

    def _pages(self, package: PackageReader) -> Iterator[bytes]:
        """The pages of a chunk table. Refusal(digest-mismatch) for one that is not as signed."""
        manifest = self._delivery.release.manifest
        for number, reference in enumerate(manifest.pages):
            page = package.page(manifest, number)
            if hashlib.sha256(page).digest() != reference.digest:
                raise Refusal(Code.DIGEST_MISMATCH, f"page {number} of the chunk table is not the one signed")
            yield page

    def _write_payload(self) -> None:
        """Open and seal in one pass. The medium has a thread of its own, so that it is not waited for."""
        delivery = self._delivery
        sealer = Sealer(self._key, self._context) if self._sealed else None
        payload = self.writer.payload(delivery.payload_length, delivery.segment_size)
        done = 0
        try:
            with Worker(payload.append) as medium:
                for stored in self._opened():
                    data = sealer.update(stored) if sealer else stored
                    medium.give(data)
                    done += len(data)
                    self._step("write", done)
                if sealer:
                    medium.give(sealer.finalize())
                medium.finish()
            payload.close()
        except BaseException:
            payload.discard()
            raise

    def _opened(self) -> Iterator[bytes]:
        """The stored data to be sealed: all of it, or what was selected. It is the data that was imported."""
        delivery, envelope = self._delivery, self._delivery.release.envelope
        payload, key = delivery.source.payload(envelope), delivery.content_key
        context = payload_context(envelope.package_id, envelope.manifest_digest)
        if delivery.selection is None:
            opener = Opener(key, context)
            yield from map(opener.update, ciphertext_runs(payload))
            yield opener.finalize()
        else:
            opened = RandomAccess(key, context, payload.length, payload.read_run)
            table = table_of(delivery.release.manifest, delivery.source)
            yield from selected_runs(opened, table, Presence(delivery.present))

    def _read_payload_back(self, payload: SegmentReader) -> None:
        """What the medium gives back opens with the package's key, and holds what the vendor signed.

        It is what the device will do. Every byte is authenticated so: a payload that opens is the one that
        was sealed, and of one that is not encrypted the signed digests say the same.
        """
        check = self._stored_check()
        taker = OpenedCheck(Opener(self._key, self._context), check) if self._sealed else check
        done = 0
        with Worker(taker.update) as worker, _unfaithful_payload():
            for run in ciphertext_runs(payload):
                worker.give(run)
                done += len(run)
                self._step("read back", done)
            worker.finish()
            taker.finalize()

    @property
    def _sealed(self) -> bool:
        return self._delivery.cipher is Cipher.COBBLESTONE_256

    @property
    def _context(self) -> bytes:
        return payload_context(self._package_id, self._delivery.release.manifest_digest)

    def _stored_check(self) -> StoredCheck:
        table = table_of(self._delivery.release.manifest, self._delivery.source)
        return StoredCheck(table, Presence(self._delivery.present))

    def _envelope(self) -> Envelope:
        delivery = self._delivery
        return Envelope(
            format=limits.FORMAT_VERSION,
            kind=EnvelopeKind.DELIVERY,
            package_id=self._package_id,
            manifest_digest=delivery.release.manifest_digest,
            issued_at=delivery.issued_at,
            expires=delivery.issued_at + LIFETIME,
            crl_numbers=delivery.crl_numbers,
            cipher=delivery.cipher,
            payload_length=delivery.payload_length,
            segment_size=delivery.segment_size,
            present=delivery.present,
            recipients=tuple(map(self._recipient, delivery.targets)),
        )

    def _recipient(self, target: Target) -> Recipient:
        if self._delivery.cipher is Cipher.NONE:
            return Recipient(key_id=target.key.key_id, wraps=(), wrapped_key=b"", device=target.binding)
        digest = self._delivery.release.manifest_digest
        return seal_recipient(self._key, self._package_id, digest, target.key, target.binding)

    def _kept(self, name: str, data: bytes) -> bytes:
        self._digests[name] = hashlib.sha256(data).digest()
        return data

    def _compare(self, name: str, data: bytes) -> None:
        if hashlib.sha256(data).digest() != self._digests[name]:
            raise _unfaithful(name)

    def _step(self, phase: str, done: int) -> None:
        if self._cancelled():
            raise Cancel
        self._report(Progress(phase, done, self._delivery.payload_length))


def _abandon(writer: PackageWriter) -> None:
    """Clean up as far as the medium still answers."""
    try:
        writer.abandon()
    except Refusal:
        return


@contextmanager
def _unfaithful_payload() -> Iterator[None]:
    """What does not open is not what was written."""
    try:
        yield
    except Refusal as refusal:
        if refusal.code is Code.DECRYPTION_FAILED:
            raise _unfaithful("payload") from None
        raise


def _unfaithful(name: str) -> Refusal:
    return Refusal(Code.DIGEST_MISMATCH, f"the medium gives back another {name} than was written to it")
