"""The folders of a FAT volume: finding names in them, entering and removing names, making folders."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from media_format.refusal import Code, Refusal
from media_format.volume import folder
from media_format.volume.blocks import Blocks
from media_format.volume.bookkeeping import Bookkeeping
from media_format.volume.extents import Extent, Placement
from media_format.volume.folder import FolderEntry
from media_format.volume.geometry import Geometry


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder's bytes. `placement` is None for the fixed root of FAT12 and FAT16."""

    cluster: int
    placement: Placement | None
    content: bytes

    def find(self, name: str) -> FolderEntry | None:
        """The entry that a path part means."""
        return folder.find(self.content, name)

    def entries(self) -> tuple[FolderEntry, ...]:
        """Every name but "." and ".."."""
        return tuple(folder.parse(self.content))


class Tree:
    """The folders. Nothing is remembered between calls: every answer comes from the medium.

    The caller marks the volume dirty before it asks for a change. Each change is durable on return.
    """

    def __init__(self, blocks: Blocks, geometry: Geometry, books: Bookkeeping) -> None:
        self._blocks = blocks
        self._geometry = geometry
        self._books = books

    def root(self) -> Folder:
        """The root folder."""
        geometry = self._geometry
        if geometry.root_size:
            return Folder(0, None, self._blocks.read(geometry.root_offset, geometry.root_size))
        return self._chain(geometry.root_cluster)

    def open(self, entry: FolderEntry) -> Folder:
        """The folder that an entry names. Refusal(medium-unreadable) if it is larger than FAT allows."""
        return self._chain(self.first(entry))

    def first(self, entry: FolderEntry) -> int:
        """The entry's first cluster: the high half means something else on FAT12 and FAT16."""
        return entry.cluster & (0x0FFFFFFF if self._geometry.bits == 32 else 0xFFFF)

    def walk(self, path: str) -> Folder | None:
        """The folder at `path`, "" being the root; None if there is none."""
        found = self.root()
        for part in path.split("/") if path else ():
            entry = found.find(part)
            if entry is None or not entry.folder:
                return None
            found = self.open(entry)
        return found

    def needed(self, path: str, promised: Counter[str]) -> int:
        """The clusters that folders must grow by before one more name fits into the folder at `path`.

        `promised` counts the names that begun files will enter, by folder. Refusal(medium-full) where a
        folder cannot grow, (medium-unreadable) where a file stands in the way.
        """
        above, here = self.root(), ""
        parts = path.split("/") if path else []
        for depth, part in enumerate(parts):
            entry = above.find(part)
            if entry is None:
                return self._growth(above, promised[here] + 1) + len(parts) - depth
            if not entry.folder:
                raise Refusal(Code.MEDIUM_UNREADABLE, f"{path}: {part} is a file, and a folder is needed")
            above, here = self.open(entry), "/".join(parts[: depth + 1])
        return self._growth(above, promised[here] + 1)

    def make(self, path: str, promised: Counter[str]) -> None:
        """See to it that there is a folder at `path` with room for what is promised and one more name."""
        self._with_room(self._made(path, promised), promised[path] + 1)

    def enter(self, path: str, entry: bytes) -> None:
        """Put an entry into the folder at `path`, which `make` has given room."""
        holder = self.walk(path)
        if holder is None:
            raise Refusal(Code.MEDIUM_UNREADABLE, f"{path}: the folder is gone")
        place = folder.first_free_place(holder.content)
        after = place + folder.ENTRY
        # Behind the mark that ends a folder anything may stand: it must not come to light.
        if holder.content[place] == 0 and holder.content[after : after + 1] not in (b"", b"\0"):
            self._write(holder, after, bytes(folder.ENTRY))
            self._blocks.sync()
        # The first byte makes the rest count. A write that is torn anywhere cannot leave half a name.
        self._write(holder, place + 1, entry[1:])
        self._blocks.sync()
        self._write(holder, place, entry[:1])
        self._blocks.sync()

    def remove(self, holder: Folder, entry: FolderEntry) -> None:
        """Mark an entry of `holder` and its long name as deleted."""
        self._write(holder, entry.start, folder.deleted(holder.content, entry))
        self._blocks.sync()

    def _chain(self, cluster: int) -> Folder:
        limit = -(-folder.MAX_BYTES // self._geometry.cluster)
        placement = Placement(self._books.table.chain(cluster, limit), self._geometry)
        runs = placement.runs(0, placement.size)
        return Folder(cluster, placement, b"".join(self._blocks.read(start, count) for start, count in runs))

    def _growth(self, held: Folder, names: int) -> int:
        short = names - folder.free_places(held.content)
        if short <= 0:
            return 0
        if held.placement is None:
            raise Refusal(Code.MEDIUM_FULL, "the root folder of the medium has no room for another name")
        clusters = -(-short * folder.ENTRY // self._geometry.cluster)
        if len(held.content) + clusters * self._geometry.cluster > folder.MAX_BYTES:
            raise Refusal(Code.MEDIUM_FULL, "a folder of the medium has as many names as FAT allows")
        return clusters

    def _made(self, path: str, promised: Counter[str]) -> Folder:
        found = self.walk(path)
        if found is not None:
            return found
        above, _, name = path.rpartition("/")
        parent = self._with_room(self._made(above, promised), promised[above] + 1)
        extents = self._books.table.reserve(1)
        cluster = extents[0].first
        self._fill(
            cluster, folder.new_folder(cluster, parent.cluster if above else 0, self._geometry.cluster)
        )
        self._books.table.link(extents)
        self._books.flush()
        self.enter(above, folder.folder_entry(name, cluster))
        return self._chain(cluster)

    def _with_room(self, held: Folder, names: int) -> Folder:
        for _ in range(self._growth(held, names)):
            held = self._grow(held)
        return held

    def _grow(self, held: Folder) -> Folder:
        assert held.placement is not None
        table = self._books.table
        extents = table.reserve(1)
        self._fill(extents[0].first, bytes(self._geometry.cluster))
        # Two steps: were they one, a cut could leave the folder leading into a free cluster.
        table.link(extents)
        self._books.flush()
        table.hang(extents[0].first, held.placement.last)
        # An entry that is torn leads astray; with two copies, one is whole at any moment.
        self._books.flush(apart=True)
        grown = Placement((*held.placement.extents, Extent(extents[0].first, 1)), self._geometry)
        return Folder(held.cluster, grown, held.content + bytes(self._geometry.cluster))

    def _fill(self, cluster: int, content: bytes) -> None:
        self._blocks.write(self._geometry.cluster_offset(cluster), content)
        self._blocks.sync()

    def _write(self, holder: Folder, offset: int, data: bytes) -> None:
        if holder.placement is None:
            self._blocks.write(self._geometry.root_offset + offset, data)
            return
        for start, count in holder.placement.runs(offset, len(data)):
            self._blocks.write(start, data[:count])
            data = data[count:]
