"""Re-use: which chunks of a release a device has already, so that its package need not hold them.

A device that says so in its request measured what it runs. Where the box holds that release too, it knows
all of its chunks. The device trusts nothing of this: it looks each chunk up and checks it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from appliance.box import offering
from appliance.box.schema import ReleaseRow
from appliance.box.store import Store
from appliance.trust.pages import VerifiedPage, verify_page
from appliance.trust.release import VerifiedRelease
from media_format import limits
from media_format.errors import MachineFault
from media_format.objects import Component, Manifest, Present, Request, Run
from media_format.package import PackageReader
from media_format.payload.chunk_index import MAX_INDEXED, ChunkIndex
from media_format.payload.presence import Presence, stored_offsets
from media_format.refusal import Refusal

_RECIPIENT: Final = 1536
"""Bytes that a recipient takes in an envelope at most."""
_ENVELOPE: Final = 2048
"""Bytes that the rest of an envelope takes at most."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The chunks that go into a package, and how many bytes their stored forms have."""

    present: Present
    stored: int


@dataclass(frozen=True, slots=True)
class _Base:
    """A release that devices run and the box holds: which chunks its components have."""

    digest: bytes
    chunks: Mapping[str, ChunkIndex]

    def has(self, component: Component, digest: bytes) -> bool:
        return component.name in self.chunks and self.chunks[component.name].find(digest) is not None


def select(
    store: Store, release: VerifiedRelease, source: PackageReader, requests: Sequence[Request]
) -> Selection | None:
    """What devices with these requests need of a release; None where they need all, or it is not known.

    They need all of the release that they run: it is given again to put right what was damaged.

    `source` is the release's package in the store. Raises what `verify_page` raises.
    """
    base = _find_base(store, release, requests)
    if base is None:
        return None
    needed = _Needed()
    for page in table_of(release.manifest, source):
        needed.take(page, base)
    selection = needed.selection(base.digest, table_of(release.manifest, source))
    envelope = len(selection.present.to_bytes()) + len(requests) * _RECIPIENT + _ENVELOPE
    if selection.stored == release.manifest.stored_size or envelope > limits.MAX_ENVELOPE:
        return None
    return selection


def table_of(manifest: Manifest, source: PackageReader) -> Iterator[VerifiedPage]:
    """The pages of a package's chunk table. Raises what `verify_page` raises."""
    for number in range(len(manifest.pages)):
        yield verify_page(manifest, number, source.page(manifest, number))


def _find_base(store: Store, release: VerifiedRelease, requests: Sequence[Request]) -> _Base | None:
    """Another release that all of these devices measured, of several the one with the most bytes."""
    measured = _measured(requests)
    measured.pop(release.manifest_digest, None)
    with store.reading() as transaction:
        rows = [transaction.get(ReleaseRow, digest) for digest in measured]
    found = []
    for row in rows:
        if row is not None and store.holds(row.package_id):
            manifest, seen = offering.manifest(row), measured[row.manifest_digest]
            right = tuple(one for one in manifest.components if (one.name, one.digest) in seen)
            if right and sum(component.chunks for component in right) <= MAX_INDEXED:
                found.append((sum(component.size for component in right), row, manifest, right))
    if not found:
        return None
    _, row, manifest, right = max(found, key=lambda one: one[0])
    try:
        with store.package(row.package_id) as source:
            return _Base(row.manifest_digest, {one.name: _index(manifest, source, one) for one in right})
    except (Refusal, MachineFault):
        # What lies in the store of the base has rotted: the release itself can be delivered all the same.
        return None


def _measured(requests: Sequence[Request]) -> dict[bytes, set[tuple[str, bytes]]]:
    """By manifest digest, the components (name, digest) that all devices run and have just measured."""
    common: set[tuple[bytes, str, bytes]] | None = None
    for request in requests:
        mine = {
            (slot.manifest_digest, slot.component, slot.measured)
            for slot in request.slots
            if request.reuse and slot.active and slot.manifest_digest and slot.component and slot.measured
        }
        common = mine if common is None else common & mine
    found: dict[bytes, set[tuple[str, bytes]]] = {}
    for manifest_digest, component, digest in common or ():
        found.setdefault(manifest_digest, set()).add((component, digest))
    return found


def _index(manifest: Manifest, source: PackageReader, component: Component) -> ChunkIndex:
    first = sum(one.pages for one in manifest.components[: manifest.components.index(component)])
    numbers = range(first, first + component.pages)
    table = (verify_page(manifest, number, source.page(manifest, number)) for number in numbers)
    return ChunkIndex(chunk.digest for page in table for chunk in page.chunks)


class _Needed:
    """The chunks to be sent, in runs. Between runs lie chunks that the device has.

    Chunks that store nothing divide no run and lengthen none.
    """

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._ends: list[int] = []
        self._gaps: list[int] = []
        """Stored bytes between each run and the one before it."""
        self._offsets: list[int] = []
        self._number = 0
        self._gap = 0
        self._stored = 0

    def take(self, page: VerifiedPage, base: _Base) -> None:
        """Look at the next page."""
        self._offsets.append(self._stored)
        for number, chunk in enumerate(page.chunks, self._number):
            if not chunk.stored_length:
                continue
            if base.has(page.component, chunk.digest):
                self._gap += chunk.stored_length
                continue
            self._stored += chunk.stored_length
            if self._ends and self._gap == 0:
                self._ends[-1] = number + 1
            else:
                self._firsts.append(number)
                self._ends.append(number + 1)
                self._gaps.append(self._gap)
                self._gap = 0
        self._number += len(page.chunks)

    @property
    def runs(self) -> tuple[Run, ...]:
        """As few runs as an envelope may hold: more are joined where the chunks between are the smallest."""
        more = max(len(self._firsts) - limits.MAX_RUNS, 0)
        joined = set(sorted(range(1, len(self._gaps)), key=self._gaps.__getitem__)[:more])
        runs: list[Run] = []
        for place, (first, end) in enumerate(zip(self._firsts, self._ends, strict=True)):
            if place in joined:
                first = runs.pop().first
            runs.append(Run(first=first, count=end - first))
        return tuple(runs)

    @property
    def joined(self) -> bool:
        """Whether runs were joined, so that chunks are sent that are not needed."""
        return len(self._firsts) > limits.MAX_RUNS

    def selection(self, base: bytes, table: Iterator[VerifiedPage]) -> Selection:
        """What is sent; `table` is looked at once more where runs were joined."""
        runs = self.runs
        offsets, stored = tuple(self._offsets), self._stored
        if self.joined:
            offsets, stored = _offsets(table, base, runs)
        return Selection(Present(runs=runs, page_offsets=offsets, base=base), stored)


def _offsets(
    table: Iterator[VerifiedPage], base: bytes, runs: tuple[Run, ...]
) -> tuple[tuple[int, ...], int]:
    """Where each page's chunks begin in the payload, and where the last one's end."""
    presence = Presence(Present(runs=runs, page_offsets=(0,), base=base))
    offsets, number, end = [], 0, 0
    for page in table:
        offsets.append(end)
        there = presence.of(number, len(page.chunks))
        end = stored_offsets(page.chunks, there, end)[-1]
        number += len(page.chunks)
    return tuple(offsets), end
