"""The flasher: the only part that writes slots, and it writes nothing but what the vendor signed.

Its calls have the shape of messages, plain values in and out, so that it can be a process of its own. It
verifies the manifest and every page of the chunk table itself, checks each chunk and its place before it
writes, and holds descriptors for the banks that do not run; for those that run only to read, where chunks
are taken from there. These are checked like all others. Chunks come in the order of the release, each once.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from appliance.device.base import Base, wrong_base
from appliance.device.numbering import Numbering
from appliance.device.slots import Bank, Slots, measure
from appliance.device.storage import Storage
from appliance.trust.manifest import VerifiedManifest, verify_manifest
from appliance.trust.pages import VerifiedPage, verify_page
from media_format import limits
from media_format.errors import Misuse
from media_format.objects import Chunk, Codec, Component, TrustAnchor
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Data, ReadBack

_RUN: Final = limits.MIB
"""Chunks are gathered to runs of this many bytes, so that flash sees few and large writes."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A component as read back from its bank."""

    component: str
    digest: bytes
    read_back: ReadBack


@dataclass(frozen=True, slots=True)
class _Next:
    """The chunk that comes next: what the vendor signed of it and where it goes."""

    chunk: Chunk
    component: Component
    number: int
    """Counted within the component."""

    @property
    def length(self) -> int:
        return self.component.chunk_length(self.number)

    @property
    def offset(self) -> int:
        return self.component.offset + self.number * self.component.chunk_size


class Flasher:
    """Writes one release into the banks that do not run. Use it as a context manager."""

    def __init__(
        self, slots: Slots, running: Mapping[str, int], anchor: TrustAnchor, storage: Storage
    ) -> None:
        self._slots = slots
        self._running = running
        self._anchor = anchor
        self._storage = storage
        self._release: VerifiedManifest | None = None
        self._page: VerifiedPage | None = None
        self._base: Base | None = None
        self._descriptors: dict[str, int] = {}
        self._run = bytearray()
        self._run_place: tuple[str, int] = ("", 0)
        self._next = 0

    def __enter__(self) -> Flasher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self, manifest: bytes) -> bytes:
        """Take the release in MANIFEST.CBR and open its banks; returns the manifest digest.

        Raises what `verify_manifest` raises, Refusal(region-forbidden) and Refusal(no-space).
        """
        release = verify_manifest(manifest, self._anchor)
        components = release.manifest.components
        for component in components:
            if component.slot not in self._slots.names:
                raise Refusal(Code.REGION_FORBIDDEN, f"the device has no slot {component.slot} for updates")
        self._check_apart(components)
        self._numbering = Numbering(release.manifest)
        for component in components:
            self._open_bank(component)
        self._release = release
        return release.digest

    def build_on(self, manifest: bytes, components: Iterable[str]) -> None:
        """Measure components of the release that runs, the one in this MANIFEST.CBR: chunks come from them.

        Refusal(wrong-base) where they are not as signed.
        """
        try:
            verified = verify_manifest(manifest, self._anchor)
        except Refusal as refusal:
            raise wrong_base(f"the manifest of the release that runs is not right: {refusal}") from None
        self._base = Base(self._slots, self._running, verified.manifest)
        for component in components:
            self._base.measure(component)

    def has(self, component: str, digest: bytes) -> bool:
        """Whether a chunk with this digest can be taken from the same component of what runs."""
        return self._base is not None and self._base.has(component, digest)

    def start(self, number: int) -> None:
        """Say which chunk comes first: an install that was cut off goes on where it was durable."""
        if self._release is None or not 0 <= number <= self._numbering.total:
            raise Misuse(f"no release was opened that has a chunk {number}")
        self._next = number

    def page(self, number: int, data: bytes) -> None:
        """Take page `number` of the chunk table, as encoded. Raises what `verify_page` raises."""
        if self._release is None:
            raise Misuse("no release was opened")
        self._page = verify_page(self._release.manifest, number, data)

    def write_chunk(self, number: int, plaintext: Data) -> None:
        """Write a chunk that is stored raw or as zstd. Refusal(digest-mismatch) if it is another one."""
        expected = self._expect(number, Codec.RAW, Codec.ZSTD)
        if len(plaintext) != expected.length:
            raise Refusal(Code.DIGEST_MISMATCH, f"chunk {number} has {len(plaintext)} bytes")
        self._check_digest(number, expected.chunk, plaintext)
        self._put(expected, plaintext)

    def reuse(self, number: int) -> None:
        """Write a chunk that the package does not hold, from what runs.

        Refusal(wrong-base) where it is not to be had there any more.
        """
        expected = self._expect(number, Codec.RAW, Codec.ZSTD)
        name, digest = expected.component.name, expected.chunk.digest
        plaintext = self._base.read(name, digest) if self._base else None
        if plaintext is None or hashlib.sha256(plaintext).digest() != digest:
            raise wrong_base(f"chunk {number} is not in {name} of the release that runs")
        self._put(expected, plaintext)

    def zero(self, number: int) -> None:
        """Write a chunk of zeros."""
        expected = self._expect(number, Codec.ZERO)
        zeros = bytes(expected.length)
        self._check_digest(number, expected.chunk, zeros)
        self._put(expected, zeros)

    def repeat(self, number: int) -> None:
        """Write a chunk that equals an earlier one of its component, from the bank itself."""
        expected = self._expect(number, Codec.SAME)
        component, source = expected.component, expected.chunk.source
        assert source is not None
        self._flush()
        place = component.offset + source * component.chunk_size
        try:
            plaintext = os.pread(self._descriptors[component.slot], expected.length, place)
        except OSError as error:
            raise _failing(component.slot, error) from None
        self._check_digest(number, expected.chunk, plaintext)
        self._put(expected, plaintext)

    def sync(self) -> int:
        """Make everything written durable; returns the number of the chunk that comes next."""
        self._flush()
        for slot, descriptor in self._descriptors.items():
            try:
                self._storage.sync(descriptor)
            except OSError as error:
                raise _failing(slot, error) from None
        return self._next

    def finish(self) -> tuple[Measured, ...]:
        """Read all components back past the page cache.

        Raises Refusal(slot-readback-mismatch) where one is not what the vendor signed; Misuse when chunks
        are missing.
        """
        if self._release is None or self._next != self._numbering.total:
            raise Misuse("the release is not complete")
        self.sync()
        measured = []
        for component in self._release.manifest.components:
            try:
                found = measure(self._descriptors[component.slot], component.offset, component.size)
            except OSError as error:
                raise _failing(component.slot, error) from None
            if found.digest != component.digest:
                detail = f"{component.name} in slot {component.slot} does not read back as it was written"
                raise Refusal(Code.SLOT_READBACK_MISMATCH, detail)
            measured.append(Measured(component.name, found.digest, found.read_back))
        return tuple(measured)

    def close(self) -> None:
        """Let go of the banks. What was not synced may be lost."""
        if self._base is not None:
            self._base.close()
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])

    def _check_apart(self, components: tuple[Component, ...]) -> None:
        """Components of a slot must not overlap: one would overwrite what was checked of another."""
        end: dict[str, int] = {}
        for component in sorted(components, key=lambda component: component.offset):
            if component.offset < end.get(component.slot, 0):
                raise Refusal(Code.REGION_FORBIDDEN, f"{component.name} overlaps another component")
            end[component.slot] = component.offset + component.size

    def _open_bank(self, component: Component) -> None:
        bank = self._target(component.slot)
        if component.slot not in self._descriptors:
            self._descriptors[component.slot] = bank.open(writable=True)
        capacity = os.lseek(self._descriptors[component.slot], 0, os.SEEK_END)
        if component.offset + component.size > capacity:
            raise Refusal(
                Code.NO_SPACE, f"{component.name} does not fit bank {bank.name} of {capacity} bytes"
            )

    def _target(self, slot: str) -> Bank:
        return self._slots.bank(slot, 1 - self._running[slot])

    def _expect(self, number: int, *codecs: Codec) -> _Next:
        if self._page is None or number != self._next:
            raise Misuse(f"chunk {number} comes where chunk {self._next} belongs")
        within = number - self._numbering.first(self._page.component)
        place = within - self._page.first
        if not 0 <= place < len(self._page.chunks):
            raise Misuse(f"chunk {number} does not stand on the page at hand")
        chunk = self._page.chunks[place]
        if chunk.codec not in codecs:
            raise Misuse(f"chunk {number} is stored as {chunk.codec.name.lower()}")
        return _Next(chunk, self._page.component, within)

    def _check_digest(self, number: int, chunk: Chunk, plaintext: Data) -> None:
        if hashlib.sha256(plaintext).digest() != chunk.digest:
            raise Refusal(Code.DIGEST_MISMATCH, f"chunk {number} is not what the vendor signed")

    def _put(self, place: _Next, plaintext: Data) -> None:
        slot, start = self._run_place
        if (place.component.slot, place.offset) != (slot, start + len(self._run)):
            self._flush()
            self._run_place = (place.component.slot, place.offset)
        self._run += plaintext
        self._next += 1
        if len(self._run) >= _RUN:
            self._flush()

    def _flush(self) -> None:
        if not self._run:
            return
        slot, offset = self._run_place
        try:
            self._storage.write(self._descriptors[slot], self._run, offset)
        except OSError as error:
            raise _failing(slot, error) from None
        self._run_place = (slot, offset + len(self._run))
        self._run = bytearray()


def _failing(slot: str, error: OSError) -> Refusal:
    detail = f"slot {slot} cannot be written or read: {os.strerror(error.errno or 0)}"
    return Refusal(Code.SLOT_READBACK_MISMATCH, detail)
