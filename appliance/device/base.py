"""The base: the release that runs, from whose banks chunks of another one are taken."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping

from appliance.device.slots import Slots
from media_format.errors import MachineFault
from media_format.objects import Component, Manifest
from media_format.payload.chunk_index import MAX_INDEXED, ChunkIndex
from media_format.refusal import Code, Refusal


def fits(manifest: Manifest) -> bool:
    """Whether a release has few enough chunks to be a base."""
    return sum(component.chunks for component in manifest.components) <= MAX_INDEXED


class Base:
    """Components of a release in the banks that run, each read once: measured and indexed in one pass.

    A component that is not what the vendor signed gives no chunks. What is read later is not measured again:
    who takes a chunk checks its digest.
    """

    def __init__(self, slots: Slots, running: Mapping[str, int], manifest: Manifest) -> None:
        self._slots = slots
        self._running = running
        self._components = {component.name: component for component in manifest.components}
        self._indexes: dict[str, ChunkIndex] = {}
        self._descriptors: dict[str, int] = {}

    def measure(self, name: str) -> None:
        """Measure and index a component; nothing happens where the release has none of that name.

        Refusal(wrong-base) where the bank that runs does not hold what the vendor signed.
        """
        component = self._components.get(name)
        if component is None or component.slot not in self._slots.names:
            return
        try:
            bank = self._slots.bank(component.slot, self._running[component.slot])
            self._descriptors[name] = bank.open(writable=False)
            whole = hashlib.sha256()
            index = ChunkIndex(self._digests(component, whole.update))
        except (MachineFault, OSError) as error:
            raise wrong_base(f"{name} cannot be read from the bank that runs: {error}") from None
        if whole.digest() != component.digest:
            raise wrong_base(f"{name} in the bank that runs is not what the vendor signed")
        self._indexes[name] = index

    def has(self, name: str, digest: bytes) -> bool:
        """Whether a component that was measured has a chunk with this digest."""
        return name in self._indexes and self._indexes[name].find(digest) is not None

    def read(self, name: str, digest: bytes) -> bytes | None:
        """What stands where the chunk with this digest stood; None where there is no such chunk."""
        number = self._indexes[name].find(digest) if name in self._indexes else None
        if number is None:
            return None
        try:
            return self._chunk(self._components[name], number)
        except OSError as error:
            raise wrong_base(f"{name} cannot be read from the bank that runs: {error}") from None

    def close(self) -> None:
        """Let go of the banks."""
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])

    def _digests(self, component: Component, measure: Callable[[bytes], None]) -> Iterator[bytes]:
        for number in range(component.chunks):
            chunk = self._chunk(component, number)
            measure(chunk)
            yield hashlib.sha256(chunk).digest()

    def _chunk(self, component: Component, number: int) -> bytes:
        place = component.offset + number * component.chunk_size
        return os.pread(self._descriptors[component.name], component.chunk_length(number), place)


def wrong_base(detail: str) -> Refusal:
    """The refusal of a package whose absent chunks are not to be had here."""
    return Refusal(Code.WRONG_BASE, detail)
