"""Which clusters of a volume are taken: read from the FAT once, in bulk, then kept by hand."""

from __future__ import annotations

from array import array
from typing import Final

from media_format.volume.clusters import ClusterSet
from media_format.volume.extents import Extent
from media_format.volume.geometry import Geometry
from media_format.volume.pages import Packed12, Pages

_LOW_NIBBLE: Final = bytes(value & 0x0F for value in range(256))
_IS_SET: Final = bytes(value != 0 for value in range(256))


class Occupancy:
    """The clusters that are taken (by entry or reservation) and those that are marked bad."""

    def __init__(self, pages: Pages, geometry: Geometry) -> None:
        self._geometry = geometry
        self._count = count = geometry.clusters + 2
        self.taken = ClusterSet(count)
        self.bad = ClusterSet(count)
        pages.flush()
        first = 0
        for part in pages.parts():
            first += self._look(first, part)
        self.taken.add(Extent(0, 2))
        self.bad.add(Extent(0, 2))
        self.free = count - len(self.taken)

    def take(self, extent: Extent) -> None:
        """Clusters that were free."""
        self.taken.add(extent)
        self.free -= extent.count

    def let_go(self, extent: Extent) -> None:
        """Clusters that were taken."""
        self.taken.remove(extent)
        self.free += extent.count

    def avoid(self, clusters: ClusterSet) -> None:
        """Clusters that may be either."""
        self.taken.update(clusters)
        self.free = self._count - len(self.taken)

    def _look(self, first: int, part: bytes) -> int:
        """Note what a part of the FAT says; the number of its entries."""
        bits = self._geometry.bits
        length = min(self._count - first, len(part) * 8 // bits)
        if part.count(0) == len(part):
            return length
        if bits == 12:
            entries = Packed12(bytearray(part))
            part = array("H", (entries[place] for place in range(length))).tobytes()
            bits = 16
        planes = [part[plane :: bits // 8][:length] for plane in range(bits // 8)]
        if bits == 32:
            planes[3] = planes[3].translate(_LOW_NIBBLE)
        joined = 0
        for plane in planes:
            joined |= int.from_bytes(plane, "little")
        self.taken.put(first, joined.to_bytes(length, "little").translate(_IS_SET))
        bad = (self._geometry.mask - 8).to_bytes(bits // 8, "little")
        if bad in part:
            alike = int.from_bytes(b"\1" * length, "little")
            for plane, value in zip(planes, bad, strict=True):
                alike &= int.from_bytes(plane.translate(_equals(value)), "little")
            self.bad.put(first, alike.to_bytes(length, "little"))
        return length


def _equals(wanted: int) -> bytes:
    """The table that translates one byte to 1 and all others to 0."""
    return bytes(value == wanted for value in range(256))
