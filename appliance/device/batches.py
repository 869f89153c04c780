"""Batches: a package's chunks as they come from the medium, a few at a time; whether all are to be had."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

from appliance.device.base import wrong_base
from appliance.device.flasher import Flasher
from appliance.device.numbering import Numbering
from appliance.trust.pages import VerifiedPage
from appliance.trust.verifier import InstallPlan
from media_format import limits
from media_format.objects import Codec
from media_format.package import PackageReader
from media_format.payload.presence import Presence, stored_offsets
from media_format.progress import Progress, Report
from media_format.refusal import Code, Refusal
from media_format.wire import malformed

_STORED: Final = limits.MIB
"""Stored bytes read at once; a single larger chunk is a batch of its own."""
_PLAIN: Final = 16 * limits.MIB
"""Plaintext bytes of a batch at most, likewise: chunks that store nothing take time all the same."""


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


@dataclass(frozen=True, slots=True)
class PlacedPage:
    """A page of the chunk table, and where in this package its chunks are."""

    page: VerifiedPage
    encoded: bytes
    number: int
    """Of its first chunk, counted over the whole release."""
    there: bytes
    """For each chunk whether the payload holds it."""
    offsets: tuple[int, ...]
    """Where in the payload each begins, and last where the next page's do."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Chunks that stand together on a page, from place `first` of it; `stored` holds them in one run."""

    placed: PlacedPage
    first: int
    count: int
    stored: bytes

    def form(self, place: int) -> bytes:
        """The stored form of a chunk that the payload holds. Refusal(digest-mismatch) if it is another."""
        begin = self.placed.offsets[place] - self.placed.offsets[self.first]
        chunk = self.placed.page.chunks[place]
        form = self.stored[begin : begin + chunk.stored_length]
        if hashlib.sha256(form).digest() != chunk.stored_digest:
            number = self.placed.number + place
            raise Refusal(Code.DIGEST_MISMATCH, f"chunk {number} is not stored as the vendor signed")
        return form


def placed_pages(plan: InstallPlan, reader: PackageReader, first: int = 0) -> Iterator[PlacedPage]:
    """The pages of the chunk table from `first` on. Raises what `verify_page` raises."""
    numbering, present = Numbering(plan.manifest), plan.envelope.present
    presence = Presence(present)
    for number in range(first, len(plan.manifest.pages)):
        encoded = reader.page(plan.manifest, number)
        page = plan.page(number, encoded)
        begin = numbering.first(page.component) + page.first
        there = presence.of(begin, len(page.chunks))
        start = page.offsets[0] if present is None else present.page_offsets[number]
        yield PlacedPage(page, encoded, begin, there, stored_offsets(page.chunks, there, start))


def check_presence(plan: InstallPlan, reader: PackageReader, flasher: Flasher, length: int) -> None:
    """That each chunk is to be had, from the payload's `length` bytes of stored data or from what runs.

    Comes before anything is written. Raises Refusal(malformed) where the envelope's offsets are not those
    of its runs, Refusal(wrong-base) where a chunk is in neither.
    """
    present = plan.envelope.present
    if present is None:
        return
    end = 0
    for placed, offset in zip(placed_pages(plan, reader), present.page_offsets, strict=True):
        if offset != end:
            raise malformed("envelope", f"page {placed.page.number} does not begin where the one before ends")
        end, name = placed.offsets[-1], placed.page.component.name
        for place, chunk in enumerate(placed.page.chunks):
            stores = chunk.codec in (Codec.RAW, Codec.ZSTD)
            if stores and not placed.there[place] and not flasher.has(name, chunk.digest):
                raise wrong_base(f"chunk {placed.number + place} is neither in the package nor in what runs")
    if end != length:
        raise malformed("envelope", f"its chunks take {end} bytes, the payload holds {length}")


def read_batches(plan: InstallPlan, reader: PackageReader, payload: Payload, start: int) -> Iterator[Batch]:
    """The release from chunk `start` on, as it comes from the medium."""
    for placed in placed_pages(plan, reader, Numbering(plan.manifest).page_of(start)):
        first = max(start - placed.number, 0)
        while first < len(placed.there):
            count = _batch_size(placed, first)
            begin, end = placed.offsets[first], placed.offsets[first + count]
            yield Batch(placed, first, count, payload.read(begin, end - begin))
            first += count
    payload.check_end()


def prove(plan: InstallPlan, reader: PackageReader, payload: Payload, report: Report) -> None:
    """Read a package through and write nothing: that its payload is what the vendor signed.

    Raises Refusal(digest-mismatch), (decryption-failed), (malformed), (truncated) or (medium-*). Nothing
    rests on it: what is written later is checked as it is read.
    """
    done = 0
    for batch in read_batches(plan, reader, payload, 0):
        for place in range(batch.first, batch.first + batch.count):
            if batch.placed.there[place] and batch.placed.page.chunks[place].stored_length:
                batch.form(place)
        done += len(batch.stored)
        report(Progress("check", done, payload.length))


def _batch_size(placed: PlacedPage, first: int) -> int:
    """How many chunks from `first` on are read at once; at least one."""
    page, begin = placed.page, placed.offsets[first]
    most = max(1, _PLAIN // page.component.chunk_size)
    end = min(len(page.chunks), first + most)
    last = first + 1
    while last < end and placed.offsets[last + 1] - begin <= _STORED:
        last += 1
    return last - first


def read_ahead(batches: Iterator[Batch]) -> Generator[Batch, None, None]:
    """The same batches, each fetched by a thread while the one before is worked on."""
    with ThreadPoolExecutor(1, thread_name_prefix="medium") as reader:
        coming = reader.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch
