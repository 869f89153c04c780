"""A look at the whole of a volume that was not left clean: what names lead to, and whether it is sound.

Clusters that are taken in the FAT and named by no folder are what a cut left behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from media_format.refusal import Code, Refusal
from media_format.volume.bookkeeping import Bookkeeping
from media_format.volume.clusters import ClusterSet
from media_format.volume.extents import Extent
from media_format.volume.folder import FolderEntry
from media_format.volume.table import Table
from media_format.volume.tree import Folder, Tree

_MAX_FOLDERS: Final = 65536
_MAX_NAMES: Final = 1024 * 1024
_MAX_EXTENTS: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Survey:
    """The clusters that names lead to. `sound` says that no chain is broken and none crosses another."""

    reached: ClusterSet
    sound: bool


def put_in_order(tree: Tree, books: Bookkeeping) -> None:
    """Free lost clusters and make the copies of the FAT equal; the first copy that is sound is the right one.

    Where none is, the volume is left as it is, and no cluster that a name leads to is ever given out.
    Refusal(medium-unreadable) where looking would take without end. No file may have been begun.
    """
    table = books.table
    table.surveyed = True
    found: list[tuple[int, Survey]] = []
    for copy in range(table.copies):
        table.choose(copy)
        seen = _survey(tree, table)
        if seen is not None and seen.sound:
            books.put_in_order(seen.reached)
            return
        if seen is not None:
            found.append((copy, seen))
    if not found:
        table.surveyed = False
        why = "it was not left clean, and is too damaged or too large to be put in order"
        raise Refusal(Code.MEDIUM_UNREADABLE, f"the medium cannot be written to: {why}")
    copy, seen = found[0]
    table.choose(copy)
    table.avoid(seen.reached)


def _survey(tree: Tree, table: Table) -> Survey | None:
    """What names lead to; None where following them would take without end, or the root is broken."""
    try:
        return _Walk(tree, table).walk()
    except Refusal as refusal:
        if refusal.code is not Code.MEDIUM_UNREADABLE:
            raise
        return None


class _Walk:
    """One survey on its way. Whatever chains are made to look like, no cluster is visited twice over."""

    def __init__(self, tree: Tree, table: Table) -> None:
        self._tree = tree
        self._table = table
        self._reached = ClusterSet(table.count)
        self._sound = True
        self._left = table.count
        self._folders = self._names = self._extents = 0

    def walk(self) -> Survey:
        root = self._tree.root()
        if root.placement is not None:
            self._mark(root.placement.extents)
        waiting: list[FolderEntry] = []
        here: Folder | None = root
        while here is not None:
            waiting += self._look_into(here)
            here = self._next(waiting)
        return Survey(self._reached, self._sound)

    def _look_into(self, here: Folder) -> list[FolderEntry]:
        """Note what the names in a folder lead to; the folders among them that were not seen yet."""
        inner: list[FolderEntry] = []
        for entry in here.entries():
            self._names += 1
            first = self._tree.first(entry)
            if entry.folder or first:
                extents, whole = self._table.follow(first, self._left)
                if self._mark(extents) and whole and entry.folder:
                    inner.append(entry)
                self._sound &= whole
        self._folders += len(inner)
        self._check_bounds()
        return inner

    def _next(self, waiting: list[FolderEntry]) -> Folder | None:
        while waiting:
            try:
                return self._tree.open(waiting.pop())
            except Refusal as refusal:
                if refusal.code is not Code.MEDIUM_UNREADABLE:
                    raise
                # Larger than FAT allows.
                self._sound = False
        return None

    def _mark(self, extents: Sequence[Extent]) -> bool:
        """Note a chain's clusters; False if one of them belongs to another chain."""
        alone = True
        for extent in extents:
            alone &= not self._reached.touches(extent)
            self._reached.add(extent)
            self._left -= extent.count
        self._extents += len(extents)
        self._sound &= alone
        self._check_bounds()
        return alone

    def _check_bounds(self) -> None:
        if (
            self._left <= 0
            or self._folders > _MAX_FOLDERS
            or self._names > _MAX_NAMES
            or self._extents > _MAX_EXTENTS
        ):
            raise Refusal(Code.MEDIUM_UNREADABLE, "names lead to more than there can be")
