"""What a volume says of itself: the FAT, the free-space sector, and the flag that it is being changed."""

from __future__ import annotations

from typing import Final

from media_format.volume import codecs
from media_format.volume.blocks import Blocks
from media_format.volume.clusters import ClusterSet
from media_format.volume.geometry import Geometry
from media_format.volume.table import Table

_STATE_DIRTY: Final = 0x01
_UNKNOWN: Final = 0xFFFFFFFF


class Bookkeeping:
    """Keeps the FAT's copies, the free-space sector of FAT32 and the dirty flags in step.

    `sound` is whether the volume was left clean, or has been put in order since: only then may it be
    marked clean again. The free-space sector's own count is never believed.
    """

    def __init__(self, blocks: Blocks, geometry: Geometry) -> None:
        self._blocks = blocks
        self._geometry = geometry
        self.table = Table(blocks, geometry)
        self.sound = self.table.clean and not self._state() & _STATE_DIRTY
        self.dirty = False

    def soil(self) -> None:
        """Mark the volume dirty, durably, before the first change.

        One that was left dirty says so already, and its copies of the FAT may differ: they are let be.
        """
        if self.sound and not self.dirty:
            self.table.mark(clean=False)
            self.table.flush()
            self._set_state(self._state() | _STATE_DIRTY)
            self._blocks.sync()
        self.dirty = True

    def flush(self, *, apart: bool = False) -> None:
        """Make the FAT's changes durable in every copy, and the number of free clusters.

        `apart` has one copy durable before the next is touched.
        """
        self.table.flush(apart=apart)
        info = self._geometry.info_offset
        if info is not None and codecs.is_free_space_sector(self._blocks.read(info, 512)):
            self._blocks.write(info, codecs.free_space_sector(self.table.free_on_medium, _UNKNOWN))
        self._blocks.sync()

    def put_in_order(self, reached: ClusterSet) -> None:
        """Free what is not in `reached`, and make the copies of the FAT equal: the volume is sound again."""
        for extent in self.table.lost(reached):
            self.table.release([extent])
        self.table.heal()
        self.flush()
        self.sound = True

    def clean(self) -> None:
        """Write what is left to write, then mark a sound volume clean. Durable after the next sync."""
        if not self.dirty:
            return
        self.flush()
        if self.sound:
            self.table.mark(clean=True)
            self.table.flush()
            self._set_state(self._state() & ~_STATE_DIRTY)
            self.dirty = False

    def _state(self) -> int:
        """The state byte that Linux and Windows keep in the boot sector."""
        return self._blocks.read(self._geometry.state_offset, 1)[0]

    def _set_state(self, state: int) -> None:
        self._blocks.write(self._geometry.state_offset, bytes([state]))
