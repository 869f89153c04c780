"""Clusters that a cut left behind: taken in the FAT, and named by no folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from media_format.refusal import Refusal
from media_format.volume.extents import Extent
from media_format.volume.folder import FolderEntry
from media_format.volume.table import Table
from media_format.volume.tree import Tree

_MAX_FOLDERS: Final = 65536
_MAX_NAMES: Final = 1024 * 1024
"""Beyond these a volume is left as it is: looking costs more than the clusters are worth."""


def find_lost(tree: Tree, table: Table) -> Sequence[Extent] | None:
    """The lost clusters; None where the volume is not sound enough to tell.

    A chain that is broken, or runs into another one, could make a file's clusters look lost.
    """
    reached = bytearray(table.count)
    try:
        sound = _mark_all(tree, table, reached)
    except Refusal:
        return None
    return table.taken_except(reached) if sound else None


def _mark_all(tree: Tree, table: Table, reached: bytearray) -> bool:
    """Note the clusters of every file and folder; False where chains cross or there is too much of it."""
    root = tree.root()
    if root.placement is not None and not _mark(reached, root.placement.extents):
        return False
    waiting: list[FolderEntry] = []
    folders = names = 0
    here = root
    while True:
        entries = here.entries()
        names += len(entries)
        for entry in entries:
            first = tree.first(entry)
            if (entry.folder or first) and not _mark(reached, table.chain(first, table.count)):
                return False
        inner = [entry for entry in entries if entry.folder]
        waiting += inner
        folders += len(inner)
        if folders > _MAX_FOLDERS or names > _MAX_NAMES:
            return False
        if not waiting:
            return True
        here = tree.open(waiting.pop())


def _mark(reached: bytearray, extents: Sequence[Extent]) -> bool:
    """Note a chain's clusters; False if one of them belongs to another chain."""
    for extent in extents:
        end = extent.first + extent.count
        if reached.find(1, extent.first, end) >= 0:
            return False
        reached[extent.first : end] = b"\1" * extent.count
    return True
