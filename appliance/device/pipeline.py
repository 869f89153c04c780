"""The pipeline: medium → decrypt → stored digest → decompress → flasher, in one pass and constant memory.

A thread of its own reads and decrypts one batch ahead while the one before is decompressed and written. What
is checked is what is used: no byte is read a second time between check and use. Chunks that the package does
not hold come from what runs, through the flasher.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Final

from appliance.device.batches import Batch, Payload, read_ahead, read_batches
from appliance.device.flasher import Flasher
from appliance.device.numbering import Numbering
from appliance.trust.verifier import InstallPlan
from media_format import limits
from media_format.errors import Misuse
from media_format.objects import Cipher, Codec
from media_format.package import PackageReader
from media_format.payload.chunks import decode_chunk
from media_format.payload.cobblestone import RandomAccess
from media_format.payload.context import payload_context
from media_format.payload.recipients import OpenLayer, RecipientKey
from media_format.payload.segments import SegmentReader
from media_format.progress import Progress, Report
from media_format.refusal import Code, Refusal
from media_format.sealing import open_recipient

DURABLE_EVERY: Final = 32 * limits.MIB
"""Plaintext bytes between two durable points: what a cut may cost."""


class _Unsealed:
    """The payload of a package without encryption: its chunks' signed digests are all there is."""

    def __init__(self, segments: SegmentReader) -> None:
        self._segments = segments
        self.length = segments.length

    def read(self, offset: int, length: int) -> bytes:
        return self._segments.read_run(offset, length)

    def check_end(self) -> None:
        """The manifest's stored size is the end, or where the envelope's runs end."""


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
    stored = plan.manifest.stored_size
    if envelope.present is None and payload.length != stored:
        raise Refusal(Code.TRUNCATED, f"the payload holds {payload.length} bytes, the release {stored}")
    return payload


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
        (wrong-base), (slot-readback-mismatch) or (medium-*).
        """
        numbering = Numbering(plan.manifest)
        total = numbering.plain_bytes(numbering.total)
        written = durable = numbering.plain_bytes(start)
        with closing(read_ahead(read_batches(plan, reader, payload, start))) as batches:
            page = -1
            for batch in batches:
                placed = batch.placed
                if placed.page.number != page:
                    page = placed.page.number
                    self._flasher.page(page, placed.encoded)
                for place in range(batch.first, batch.first + batch.count):
                    self._write(batch, place)
                    written += placed.page.component.chunk_length(placed.page.first + place)
                    if written - durable >= self._durable_every:
                        self._durable(self._flasher.sync())
                        durable = written
                self._report(Progress("install", written, total))

    def _write(self, batch: Batch, place: int) -> None:
        placed = batch.placed
        chunk, number = placed.page.chunks[place], placed.number + place
        match chunk.codec:
            case Codec.ZERO:
                self._flasher.zero(number)
            case Codec.SAME:
                self._flasher.repeat(number)
            case _ if not placed.there[place]:
                self._flasher.reuse(number)
            case _:
                length = placed.page.component.chunk_length(placed.page.first + place)
                self._flasher.write_chunk(number, decode_chunk(chunk.codec, batch.form(place), length))
