"""The file allocation table: chains followed with bounds, clusters reserved, linked and freed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from media_format.refusal import Code, Refusal
from media_format.volume.blocks import Blocks
from media_format.volume.clusters import ClusterSet
from media_format.volume.extents import Extent
from media_format.volume.geometry import Geometry
from media_format.volume.occupancy import Occupancy
from media_format.volume.pages import Pages

_VOLUME_FLAG: Final = {12: 0, 16: 0x8000, 32: 0x08000000}
_MAX_EXTENTS: Final = 65536
"""A file in more pieces than this is refused: each costs memory, and no medium in use comes near."""


class Table:
    """The FAT, and which clusters are taken.

    Reservations are kept in memory alone; `link` makes them entries, `flush` brings those to every
    copy. The first copy is the one that is read; where a chain is broken in it, the next one is asked,
    until `surveyed` says that the copies were compared and one was chosen.
    """

    def __init__(self, blocks: Blocks, geometry: Geometry) -> None:
        self._blocks = blocks
        self._geometry = geometry
        self._mask = geometry.mask
        self._flag = _VOLUME_FLAG[geometry.bits]
        self.count = geometry.clusters + 2
        self.copies = geometry.tables
        self._pages = Pages(blocks, geometry, 0)
        self.surveyed = False
        self._occupancy: Occupancy | None = None
        self._reserved = 0

    @property
    def free(self) -> int:
        """Clusters that are neither taken nor reserved."""
        return self._clusters.free

    @property
    def free_on_medium(self) -> int:
        """Clusters whose entries are zero: the reserved ones count."""
        return self.free + self._reserved

    @property
    def clean(self) -> bool:
        """The volume flag in the second entry; FAT12 has none."""
        return self._pages.entries(0)[1] & self._flag == self._flag

    def mark(self, *, clean: bool) -> None:
        """Set the volume flag."""
        if self._flag:
            entry = self._pages.entries(0)[1]
            self._pages.change(1, [entry | self._flag if clean else entry & ~self._flag])

    def chain(self, first: int, limit: int) -> Sequence[Extent]:
        """The extents of a chain of at most `limit` clusters.

        Refusal(medium-unreadable) if it is longer, cyclic, broken, or in too many pieces.
        """
        extents, whole = self.follow(first, limit)
        for copy in range(1, 1 if self.surveyed else self.copies):
            if not whole:
                extents, whole = self._follow(Pages(self._blocks, self._geometry, copy), first, limit)
        if not whole:
            raise Refusal(Code.MEDIUM_UNREADABLE, "a cluster chain is cyclic, too long or leads nowhere")
        return extents

    def follow(self, first: int, limit: int) -> tuple[Sequence[Extent], bool]:
        """As far as a chain can be followed, and whether that is all of it."""
        return self._follow(self._pages, first, limit)

    def _follow(self, pages: Pages, first: int, limit: int) -> tuple[Sequence[Extent], bool]:
        extents: list[Extent] = []
        number, start, left = first, first, limit
        mask, per_page, end = self._mask, pages.per_page, self.count
        low = high = 0
        while len(extents) < _MAX_EXTENTS and left and 2 <= number < end:
            left -= 1
            if not low <= number < high:
                low = number // per_page * per_page
                high = low + per_page
                entries = pages.entries(number // per_page)
            following = entries[number - low] & mask
            if following != number + 1:
                extents.append(Extent(start, number + 1 - start))
                if following >= mask - 7:
                    return extents, True
                start = following
            number = following
        if start != number:
            extents.append(Extent(start, number - start))
        return extents, False

    def choose(self, copy: int) -> None:
        """Read this copy of the FAT from now on. What was not flushed is forgotten."""
        self._pages = Pages(self._blocks, self._geometry, copy)
        self._occupancy = None
        self._reserved = 0

    def avoid(self, clusters: ClusterSet) -> None:
        """Take these clusters for taken, whatever their entries say."""
        self._clusters.avoid(clusters)

    def reserve(self, count: int) -> Sequence[Extent]:
        """Take `count` free clusters, in one run if there is one. Refusal(medium-full)."""
        if count == 0:
            return ()
        if count > self.free:
            raise Refusal(Code.MEDIUM_FULL, f"{count} clusters are needed, {self.free} are free")
        clusters = self._clusters
        whole = next((run for run in clusters.taken.absent() if run.count >= count), None)
        found = self._fragments(count) if whole is None else [Extent(whole.first, count)]
        for extent in found:
            clusters.take(extent)
        self._reserved += count
        return found

    def _fragments(self, count: int) -> list[Extent]:
        found: list[Extent] = []
        for run in self._clusters.taken.absent():
            taken = min(count, run.count)
            found.append(Extent(run.first, taken))
            count -= taken
            if count == 0:
                return found
            if len(found) == _MAX_EXTENTS:
                break
        raise Refusal(Code.MEDIUM_FULL, "the free room of the medium is in too many pieces")

    def give_back(self, extents: Sequence[Extent]) -> None:
        """Let go of reserved extents that were not linked."""
        for extent in extents:
            self._clusters.let_go(extent)
            self._reserved -= extent.count

    def release(self, extents: Sequence[Extent]) -> None:
        """Free the entries of a chain."""
        clusters = self._clusters
        for extent in extents:
            self._pages.clear(extent.first, extent.count)
            clusters.let_go(extent)

    def link(self, extents: Sequence[Extent]) -> None:
        """Make reserved extents a chain."""
        following = self._mask
        for extent in reversed(extents):
            end = extent.first + extent.count
            self._pages.change(extent.first, range(extent.first + 1, end))
            self._pages.change(end - 1, [following])
            following = extent.first
            self._reserved -= extent.count

    def hang(self, first: int, last: int) -> None:
        """Lengthen the chain that ends in `last` by the one that begins with `first`."""
        self._pages.change(last, [first])

    def lost(self, reached: ClusterSet) -> Iterator[Extent]:
        """The taken clusters that are not in `reached`, without the bad ones. May be released at once."""
        clusters = self._clusters
        return clusters.taken.without(reached, clusters.bad)

    def heal(self) -> None:
        """Make every copy equal to the one that is read."""
        self._pages.flush()
        self._pages.heal()

    def flush(self, *, apart: bool = False) -> None:
        """Write the changes to every copy; `apart` has one durable before the next is touched."""
        self._pages.flush(apart=apart)

    def prove(self) -> None:
        """Read back what was written since last asked. Refusal(medium-unreadable) if it is not there."""
        self._pages.prove()

    @property
    def _clusters(self) -> Occupancy:
        """Read through once, when somebody asks: whoever only reads files does without."""
        if self._occupancy is None:
            self._occupancy = Occupancy(self._pages, self._geometry)
        return self._occupancy
