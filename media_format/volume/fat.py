"""FAT12, FAT16 and FAT32 volumes in user space, treated as write-once.

A new file is written in this order, each step durable before the next: the dirty flag, the data, the
FATs with the free-space sector, the folder's entry. A cut leaves at most clusters that no entry
names; the next writer frees them. `settle` clears the dirty flag, unless the volume was found in a
state that could not be put in order.
"""

from __future__ import annotations

import mmap
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from media_format.errors import Misuse
from media_format.refusal import Code, Refusal
from media_format.volume import codecs, folder
from media_format.volume.blocks import Blocks
from media_format.volume.bookkeeping import Bookkeeping
from media_format.volume.direct import aligned_memory
from media_format.volume.extents import Placement
from media_format.volume.folder import FolderEntry
from media_format.volume.geometry import read_geometry
from media_format.volume.seam import Data, Entry, ReadBack, VolumeInfo
from media_format.volume.survey import put_in_order
from media_format.volume.tree import Tree

MAX_FILE: Final = 2**32 - 1
_BLOCK: Final = 4 * 1024 * 1024
"""Appended data is gathered into blocks of this size, which a medium takes at its full speed."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """The file that was read last: its chain is walked once, not for every run."""

    path: str
    size: int
    placement: Placement


@dataclass(slots=True)
class _NewFile:
    """A file that has been begun. `written` bytes are on the volume, `pending` ones are gathered.

    They are gathered in memory from which they can go past the page cache.
    """

    parent: str
    name: str
    size: int
    placement: Placement
    linked: bool = False
    written: int = 0
    pending: int = 0
    gathered: mmap.mmap | None = None

    @property
    def path(self) -> str:
        """The path it was begun under."""
        return f"{self.parent}/{self.name}" if self.parent else self.name


class FatVolume:
    """A FAT volume on `blocks`. Implements `media_format.volume.seam.Volume`."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._geometry = read_geometry(blocks)
        self._books = Bookkeeping(blocks, self._geometry)
        self._tree = Tree(blocks, self._geometry, self._books)
        self._closed = False
        self._new: dict[int, _NewFile] = {}
        self._next_ticket = 1
        self._reading: _Reading | None = None

    def info(self) -> VolumeInfo:
        geometry = self._geometry
        return VolumeInfo(
            kind=f"fat{geometry.bits}",
            label=folder.label(self._tree.root().content) or geometry.label,
            capacity=geometry.clusters * geometry.cluster,
            free=self._books.table.free * geometry.cluster,
            cluster=geometry.cluster,
        )

    def list(self, folder_path: str) -> tuple[Entry, ...]:
        found = self._tree.walk(folder_path)
        if found is None:
            return ()
        return tuple(Entry(entry.name, entry.size, entry.folder) for entry in found.entries())

    def read_object(self, path: str, limit: int) -> bytes:
        entry = self._file(path)
        if entry.size > limit:
            raise Refusal(Code.TOO_LARGE, f"{path}: {entry.size} bytes, at most {limit} are allowed")
        return self._read(self._placement(entry).runs(0, entry.size))

    def read_run(self, path: str, offset: int, length: int) -> bytes:
        return self._read(self._runs(path, offset, length))

    def begin(self, path: str, size: int) -> int:
        if not 0 <= size <= MAX_FILE:
            raise Misuse(f"{path}: a file on FAT has at most {MAX_FILE} bytes")
        for part in path.split("/"):
            codecs.short_name_bytes(part)
        parent, _, name = path.rpartition("/")
        self._put_in_order()
        holder = self._tree.walk(parent)
        if (holder and holder.find(name)) or any(new.path == path for new in self._new.values()):
            raise Misuse(f"{path} exists already, and files on a medium are never overwritten")
        promised = Counter(new.parent for new in self._new.values())
        clusters = -(-size // self._geometry.cluster)
        if clusters + self._tree.needed(parent, promised) > self._books.table.free:
            raise Refusal(Code.MEDIUM_FULL, f"{path}: {size} bytes do not fit, {self.info().free} are free")
        with self._changing():
            self._tree.make(parent, promised)
        placement = Placement(self._books.table.reserve(clusters), self._geometry)
        ticket, self._next_ticket = self._next_ticket, self._next_ticket + 1
        self._new[ticket] = _NewFile(parent, name, size, placement)
        return ticket

    def append(self, ticket: int, data: Data) -> None:
        new = self._begun(ticket)
        view = memoryview(data).cast("B")
        if new.written + new.pending + len(view) > new.size:
            raise Misuse(f"{new.path}: more bytes than were announced")
        self._books.soil()
        while view:
            if not new.pending and len(view) >= _BLOCK:
                taken = len(view) - len(view) % _BLOCK
                self._write(new, view[:taken])
            else:
                taken = self._gather(new, view)
            view = view[taken:]

    def commit(self, ticket: int) -> None:
        new = self._begun(ticket)
        there = new.written + new.pending
        if there != new.size:
            raise Misuse(f"{new.path}: {there} of {new.size} bytes were written")
        self._books.soil()
        self._write_pending(new)
        self._blocks.sync()
        extents = new.placement.extents
        with self._changing():
            new.linked = True
            self._books.table.link(extents)
            self._books.flush()
            first = extents[0].first if extents else 0
            self._tree.enter(new.parent, folder.file_entry(new.name, first, new.size))
        del self._new[ticket]

    def discard(self, ticket: int) -> None:
        new = self._new.pop(ticket, None)
        if new is None:
            return
        # A linked file whose entry could not be written may yet have one: its clusters stay taken.
        if not new.linked:
            self._books.table.give_back(new.placement.extents)

    def delete(self, path: str) -> None:
        self._put_in_order()
        parent, _, name = path.rpartition("/")
        holder = self._tree.walk(parent)
        entry = holder.find(name) if holder else None
        if holder is None or entry is None:
            raise Misuse(f"{path}: there is no such file to delete")
        if entry.folder and (self._tree.open(entry).entries() or self._promised_below(path)):
            raise Misuse(f"{path}: the folder is not empty")
        if not self._books.sound:
            why = "its cluster chains are damaged, so that nothing can be deleted safely"
            raise Refusal(Code.MEDIUM_UNREADABLE, f"{path}: the medium is not sound: {why}")
        first = self._tree.first(entry)
        # All of the chain, which may be longer than the file.
        extents = self._books.table.chain(first, self._geometry.clusters) if first else ()
        self._reading = None
        with self._changing():
            self._tree.remove(holder, entry)
            self._books.table.release(extents)
            self._books.flush()

    def settle(self) -> ReadBack:
        self._books.clean()
        how = self._blocks.evict()
        self._books.table.prove()
        return how

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            for ticket in tuple(self._new):
                self.discard(ticket)
            if self._books.dirty:
                self._books.clean()
                self._blocks.sync()
        finally:
            self._blocks.close()

    def _file(self, path: str) -> FolderEntry:
        parent, _, name = path.rpartition("/")
        holder = self._tree.walk(parent)
        entry = holder.find(name) if holder else None
        if entry is None or entry.folder:
            raise Refusal(Code.TRUNCATED, f"{path} is not on the medium")
        return entry

    def _placement(self, entry: FolderEntry) -> Placement:
        clusters = -(-entry.size // self._geometry.cluster)
        if clusters > self._geometry.clusters:
            raise Refusal(Code.MEDIUM_UNREADABLE, f"{entry.name}: a file larger than its volume")
        extents = self._books.table.chain(self._tree.first(entry), clusters) if clusters else ()
        return Placement(extents, self._geometry)

    def _runs(self, path: str, offset: int, length: int) -> Sequence[tuple[int, int]]:
        """Where on the volume a run of a file stands."""
        if offset < 0 or length < 0:
            raise Misuse(f"{path}: {length} bytes at {offset} were asked for")
        if self._reading is None or self._reading.path != path:
            entry = self._file(path)
            self._reading = _Reading(path, entry.size, self._placement(entry))
        size = self._reading.size
        if offset + length > size:
            raise Refusal(Code.TRUNCATED, f"{path}: ends at {size}, before {offset + length}")
        return self._reading.placement.runs(offset, length)

    def _read(self, runs: Sequence[tuple[int, int]]) -> bytes:
        parts = [self._blocks.read(start, count) for start, count in runs]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _promised_below(self, path: str) -> bool:
        return any(new.parent == path for new in self._new.values())

    def _begun(self, ticket: int) -> _NewFile:
        if ticket not in self._new:
            raise Misuse("no file was begun under this ticket")
        return self._new[ticket]

    def _gather(self, new: _NewFile, view: memoryview) -> int:
        """Take bytes until there are enough to write; returns how many."""
        if new.gathered is None:
            new.gathered = aligned_memory(min(_BLOCK, new.size))
        taken = min(len(new.gathered) - new.pending, len(view))
        new.gathered[new.pending : new.pending + taken] = view[:taken]
        new.pending += taken
        if new.pending == _BLOCK:
            self._write_pending(new)
        return taken

    def _write_pending(self, new: _NewFile) -> None:
        if new.gathered is not None:
            pending, new.pending = new.pending, 0
            with memoryview(new.gathered) as whole, whole[:pending] as view:
                self._write(new, view)

    def _write(self, new: _NewFile, view: memoryview) -> None:
        for start, count in new.placement.runs(new.written, len(view)):
            self._blocks.write(start, view[:count])
            view = view[count:]
            new.written += count

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """A change of names. Broken off, it leaves the volume dirty until all of it was looked at."""
        self._books.soil()
        try:
            yield
        except BaseException:
            self._books.sound = self._books.table.surveyed = False
            raise

    def _put_in_order(self) -> None:
        """Before the first change to a volume that was left dirty: free what a cut left behind."""
        if self._books.sound or self._books.table.surveyed or self._new:
            return
        self._reading = None
        self._books.soil()
        put_in_order(self._tree, self._books)
