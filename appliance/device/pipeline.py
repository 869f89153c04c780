"""The pipeline: medium → decrypt → stored digest → decompress → flasher, in one pass and constant memory.

A thread of its own reads and decrypts one batch ahead while the one before is decompressed and written. What
is checked is what is used: no byte is read a second time between check and use.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Final, Protocol

from appliance.device.flasher import Flasher
from appliance.device.numbering import Numbering
from appliance.trust.pages import VerifiedPage
from appliance.trust.verifier import InstallPlan
from media_format import limits
from media_format.errors import Misuse
from media_format.objects import Chunk, Cipher, Codec
from media_format.package import PackageReader
from media_format.payload.chunks import decode_chunk
from media_format.payload.cobblestone import RandomAccess
from media_format.payload.context import payload_context
from media_format.payload.recipients import OpenLayer, RecipientKey
from media_format.payload.segments import SegmentReader
from media_format.progress import Progress, Report
from media_format.refusal import Code, Refusal
from media_format.sealing import open_recipient

_BATCH: Final = limits.MIB
"""Stored bytes read at once; a single larger chunk is a batch of its own."""
DURABLE_EVERY: Final = 32 * limits.MIB
"""Plaintext bytes between two durable points: what a cut may cost."""


class Payload(Protocol):
    """The stored data of a package at any place, decrypted and authenticated."""

    @property
    def length(self) -> int:
        """Bytes of stored data."""
        ...

    def read(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes. Refusal(decryption-failed), (truncated) or (medium-*)."""
        ...

    def check_end(self) -> None:
        """Refusal(decryption-failed) unless the payload ends where it was sealed to end."""
        ...


class _Unsealed:
    """The payload of a package without encryption: its chunks' signed digests are all there is."""

    def __init__(self, segments: SegmentReader) -> None:
        self._segments = segments
        self.length = segments.length

    def read(self, offset: int, length: int) -> bytes:
        return self._segments.read_run(offset, length)

    def check_end(self) -> None:
        """The manifest's stored size is the end."""


def open_payload(
    plan: InstallPlan, reader: PackageReader, key: RecipientKey, open_layer: OpenLayer
) -> Payload:
    """The payload of an admitted package. Refusal(decryption-failed), (truncated) or (medium-*)."""
    envelope = plan.envelope
    segments = reader.payload(envelope)
    payload: Payload
    if envelope.cipher is Cipher.NONE:
        payload = _Unsealed(segments)
    else:
        if plan.recipient is None:
            raise Misuse("the plan of an encrypted package names no recipient")
        content_key = open_recipient(
            plan.recipient, envelope.package_id, plan.manifest_digest, key, open_layer
        )
        context = payload_context(envelope.package_id, plan.manifest_digest)
        payload = RandomAccess(content_key, context, envelope.payload_length, segments.read_run)
    if payload.length != plan.manifest.stored_size:
        stored = plan.manifest.stored_size
        raise Refusal(Code.TRUNCATED, f"the payload holds {payload.length} bytes, the release {stored}")
    return payload


@dataclass(frozen=True, slots=True)
class Batch:
    """Chunks that stand together on a page, from place `first` of it; `stored` holds them in one run."""

    page: VerifiedPage
    encoded: bytes
    first: int
    count: int
    stored: bytes


def read_batches(plan: InstallPlan, reader: PackageReader, payload: Payload, start: int) -> Iterator[Batch]:
    """The release from chunk `start` on, as it comes from the medium."""
    numbering = Numbering(plan.manifest)
    for number in range(numbering.page_of(start), len(plan.manifest.pages)):
        encoded = reader.page(plan.manifest, number)
        page = plan.page(number, encoded)
        first = max(start - numbering.first(page.component) - page.first, 0)
        while first < len(page.chunks):
            count = _batch_size(page.chunks[first:])
            begin = page.offsets[first]
            end = page.offsets[first + count] if first + count < len(page.chunks) else page.end
            yield Batch(page, encoded, first, count, payload.read(begin, end - begin))
            first += count
    payload.check_end()


def _batch_size(chunks: tuple[Chunk, ...]) -> int:
    """How many of these chunks are read at once; at least one."""
    total = 0
    for count, chunk in enumerate(chunks):
        total += chunk.stored_length
        if count and total > _BATCH:
            return count
    return len(chunks)


def read_ahead(batches: Iterator[Batch]) -> Generator[Batch, None, None]:
    """The same batches, each fetched by a thread while the one before is worked on."""
    with ThreadPoolExecutor(1, thread_name_prefix="medium") as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


class Pipeline:
    """Feeds the flasher from a package. `durable(done)` is told after each durable point."""

    def __init__(
        self,
        flasher: Flasher,
        durable: Callable[[int], None],
        report: Report,
        durable_every: int = DURABLE_EVERY,
    ) -> None:
        self._flasher = flasher
        self._durable = durable
        self._report = report
        self._durable_every = durable_every

    def run(self, plan: InstallPlan, reader: PackageReader, payload: Payload, start: int) -> None:
        """Write chunks from `start` to the end.

        Raises Refusal(digest-mismatch), (decryption-failed), (malformed), (too-large), (truncated),
        (slot-readback-mismatch) or (medium-*).
        """
        numbering = Numbering(plan.manifest)
        total = numbering.plain_bytes(numbering.total)
        durable = numbering.plain_bytes(start)
        with closing(read_ahead(read_batches(plan, reader, payload, start))) as batches:
            page = -1
            for batch in batches:
                if batch.page.number != page:
                    page = batch.page.number
                    self._flasher.page(page, batch.encoded)
                done = self._write(batch, numbering.first(batch.page.component) + batch.page.first)
                written = numbering.plain_bytes(done)
                if written - durable >= self._durable_every:
                    self._durable(self._flasher.sync())
                    durable = written
                self._report(Progress("install", written, total))

    def _write(self, batch: Batch, page_start: int) -> int:
        """Write a batch; returns the number of the chunk after it."""
        page, stored = batch.page, memoryview(batch.stored)
        base = page.offsets[batch.first]
        for place in range(batch.first, batch.first + batch.count):
            chunk, number = page.chunks[place], page_start + place
            match chunk.codec:
                case Codec.ZERO:
                    self._flasher.zero(number)
                case Codec.SAME:
                    self._flasher.repeat(number)
                case _:
                    at = page.offsets[place] - base
                    form = bytes(stored[at : at + chunk.stored_length])
                    if hashlib.sha256(form).digest() != chunk.stored_digest:
                        raise Refusal(
                            Code.DIGEST_MISMATCH, f"chunk {number} is not stored as the vendor signed"
                        )
                    length = page.component.chunk_length(page.first + place)
                    self._flasher.write_chunk(number, decode_chunk(chunk.codec, form, length))
        return page_start + batch.first + batch.count
