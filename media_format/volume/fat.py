"""FAT12, FAT16 and FAT32 volumes in user space, treated as write-once.

A new file is written in this order, each step flushed before the next: the dirty flag, the data, the
FATs with the free-space sector, the folder's entry. A cut leaves at most clusters that no entry
names. The dirty flag is cleared at `settle`, unless the volume was dirty when it was opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from media_format.errors import Misuse
from media_format.refusal import Code, Refusal
from media_format.volume import codecs, folder
from media_format.volume.descriptor import Blocks
from media_format.volume.folder import FolderEntry
from media_format.volume.geometry import read_geometry
from media_format.volume.seam import Data, Entry, ReadBack, VolumeInfo
from media_format.volume.table import Extent, Table

MAX_FILE: Final = 2**32 - 1
_COALESCE: Final = 1024 * 1024
"""Small appends are gathered until this much can be written at once."""
_STATE_DIRTY: Final = 0x01


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder's bytes: the fixed root of FAT12 and FAT16 (no extents), or a chain."""

    cluster: int
    extents: tuple[Extent, ...]
    content: bytes

    def find(self, name: str) -> FolderEntry | None:
        """The entry that a path part means."""
        return next((entry for entry in folder.parse(self.content) if entry.is_called(name)), None)


@dataclass(frozen=True, slots=True)
class _Reading:
    """The file that was read last: its chain is walked once, not for every run."""

    path: str
    size: int
    extents: tuple[Extent, ...]


@dataclass(slots=True)
class _NewFile:
    """A file that has been begun."""

    path: str
    size: int
    extents: list[Extent]
    written: int = 0
    pending: bytearray = field(default_factory=bytearray)


class FatVolume:
    """A FAT volume on `blocks`. Implements `media_format.volume.seam.Volume`."""

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks
        self._geometry = read_geometry(blocks)
        self._table = Table(blocks, self._geometry)
        self._was_clean = self._table.clean and not self._state() & _STATE_DIRTY
        self._dirty = False
        self._closed = False
        self._new: dict[int, _NewFile] = {}
        self._next_ticket = 1
        self._reading: _Reading | None = None

    def info(self) -> VolumeInfo:
        geometry = self._geometry
        return VolumeInfo(
            kind=f"fat{geometry.bits}",
            label=folder.label(self._root().content) or geometry.label,
            capacity=geometry.clusters * geometry.cluster,
            free=self._table.free * geometry.cluster,
            cluster=geometry.cluster,
        )

    def list(self, folder_path: str) -> tuple[Entry, ...]:
        found = self._walk(folder_path)
        if found is None:
            return ()
        return tuple(Entry(entry.name, entry.size, entry.folder) for entry in folder.parse(found.content))

    def read_object(self, path: str, limit: int) -> bytes:
        entry = self._file(path)
        if entry.size > limit:
            raise Refusal(Code.TOO_LARGE, f"{path}: {entry.size} bytes, at most {limit} are allowed")
        return self._read(self._extents(entry), 0, entry.size)

    def read_run(self, path: str, offset: int, length: int) -> bytes:
        if self._reading is None or self._reading.path != path:
            entry = self._file(path)
            self._reading = _Reading(path, entry.size, tuple(self._extents(entry)))
        size = self._reading.size
        if offset + length > size:
            raise Refusal(Code.TRUNCATED, f"{path}: ends at {size}, before {offset + length}")
        return self._read(self._reading.extents, offset, length)

    def begin(self, path: str, size: int) -> int:
        if not 0 <= size <= MAX_FILE:
            raise Misuse(f"{path}: a file on FAT has at most {MAX_FILE} bytes")
        parent, name = _split(path)
        codecs.short_name_bytes(name)
        clusters = -(-size // self._geometry.cluster)
        # Folders on the way may each need a cluster of their own and one to be listed in.
        if (
            clusters + 2 * (parent.count("/") + 2) > self._table.free
            and clusters + self._needed(path) > self._table.free
        ):
            raise Refusal(Code.MEDIUM_FULL, f"{path}: {size} bytes do not fit, {self.info().free} are free")
        if self._make(parent).find(name) or any(new.path == path.upper() for new in self._new.values()):
            raise Misuse(f"{path} exists already, and files on a medium are never overwritten")
        ticket, self._next_ticket = self._next_ticket, self._next_ticket + 1
        self._new[ticket] = _NewFile(path.upper(), size, self._table.reserve(clusters))
        return ticket

    def append(self, ticket: int, data: Data) -> None:
        new = self._begun(ticket)
        if new.written + len(new.pending) + len(data) > new.size:
            raise Misuse(f"{new.path}: more bytes than were announced")
        self._soil()
        if new.pending or len(data) < _COALESCE:
            new.pending += data
            data = b""
            if len(new.pending) < _COALESCE:
                return
            data, new.pending = new.pending, bytearray()
        self._write(new, data)

    def commit(self, ticket: int) -> None:
        new = self._begun(ticket)
        self._soil()
        if new.pending:
            pending, new.pending = new.pending, bytearray()
            self._write(new, pending)
        if new.written != new.size:
            raise Misuse(f"{new.path}: {new.written} of {new.size} bytes were written")
        self._blocks.sync()
        parent, name = _split(new.path)
        self._table.link(new.extents)
        self._flush_table()
        first = new.extents[0].first if new.extents else 0
        self._enter(parent, folder.file_entry(name, first, new.size))
        del self._new[ticket]

    def discard(self, ticket: int) -> None:
        new = self._new.pop(ticket, None)
        if new is not None:
            self._table.release(new.extents)

    def delete(self, path: str) -> None:
        parent, name = _split(path)
        holder = self._walk(parent)
        entry = holder.find(name) if holder else None
        if holder is None or entry is None:
            raise Misuse(f"{path}: there is no such file to delete")
        if entry.folder and any(True for _ in folder.parse(self._open(entry).content)):
            raise Misuse(f"{path}: the folder is not empty")
        extents = self._open(entry).extents if entry.folder else self._extents(entry)
        self._reading = None
        self._soil()
        self._write_folder(holder, entry.start, folder.deleted(holder.content, entry))
        self._blocks.sync()
        self._table.release(extents)
        self._flush_table()

    def settle(self) -> ReadBack:
        if self._dirty and self._was_clean:
            self._table.mark(clean=True)
            self._flush_table()
            self._set_state(self._state() & ~_STATE_DIRTY)
            self._dirty = False
        return self._blocks.evict()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            try:
                for ticket in tuple(self._new):
                    self.discard(ticket)
                if self._dirty:
                    self.settle()
            finally:
                self._blocks.close()

    # Reading

    def _root(self) -> _Folder:
        geometry = self._geometry
        if geometry.root_size:
            return _Folder(0, (), self._blocks.read(geometry.root_offset, geometry.root_size))
        return self._chain_folder(geometry.root_cluster)

    def _chain_folder(self, cluster: int) -> _Folder:
        limit = -(-folder.MAX_BYTES // self._geometry.cluster)
        extents = self._table.chain(cluster, limit)
        content = b"".join(
            self._blocks.read(
                self._geometry.cluster_offset(extent.first), extent.count * self._geometry.cluster
            )
            for extent in extents
        )
        return _Folder(cluster, tuple(extents), content)

    def _open(self, entry: FolderEntry) -> _Folder:
        return self._chain_folder(entry.cluster)

    def _walk(self, path: str) -> _Folder | None:
        found = self._root()
        for part in path.split("/") if path else ():
            entry = found.find(part)
            if entry is None or not entry.folder:
                return None
            found = self._open(entry)
        return found

    def _file(self, path: str) -> FolderEntry:
        parent, name = _split(path)
        holder = self._walk(parent)
        entry = holder.find(name) if holder else None
        if entry is None or entry.folder:
            raise Refusal(Code.TRUNCATED, f"{path} is not on the medium")
        return entry

    def _extents(self, entry: FolderEntry) -> Sequence[Extent]:
        clusters = -(-entry.size // self._geometry.cluster)
        return self._table.chain(entry.cluster, clusters) if clusters else ()

    def _read(self, extents: Sequence[Extent], offset: int, length: int) -> bytes:
        parts = [self._blocks.read(start, count) for start, count in self._runs(extents, offset, length)]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _runs(self, extents: Sequence[Extent], offset: int, length: int) -> Sequence[tuple[int, int]]:
        """Where on the volume a run of a file stands: (offset, length) of its pieces."""
        runs = []
        for extent in extents:
            size = extent.count * self._geometry.cluster
            if offset < size and length:
                count = min(length, size - offset)
                runs.append((self._geometry.cluster_offset(extent.first) + offset, count))
                length -= count
                offset = 0
            else:
                offset -= min(offset, size)
        if length:
            raise Refusal(Code.MEDIUM_UNREADABLE, "a file has fewer clusters than its size needs")
        return runs

    # Writing

    def _begun(self, ticket: int) -> _NewFile:
        if ticket not in self._new:
            raise Misuse("no file was begun under this ticket")
        return self._new[ticket]

    def _write(self, new: _NewFile, data: Data) -> None:
        view = memoryview(data)
        for start, count in self._runs(new.extents, new.written, len(view)):
            self._blocks.write(start, view[:count])
            view = view[count:]
        new.written += len(data)

    def _needed(self, path: str) -> int:
        """Clusters that the folders of a path may still need."""
        parts = path.split("/")[:-1]
        missing = sum(self._walk("/".join(parts[: depth + 1])) is None for depth in range(len(parts)))
        return missing + 1

    def _make(self, path: str) -> _Folder:
        """The folder at `path`, made with those above it where it is not there."""
        found = self._walk(path)
        if found is not None:
            return found
        above, name = _split(path)
        parent = self._make(above)
        if parent.find(name):
            raise Refusal(Code.MEDIUM_UNREADABLE, f"{path} is a file where a folder is needed")
        self._soil()
        extents = self._table.reserve(1)
        cluster = extents[0].first
        parent_cluster = parent.cluster if above else 0
        content = folder.new_folder(cluster, parent_cluster, self._geometry.cluster)
        self._blocks.write(self._geometry.cluster_offset(cluster), content)
        self._blocks.sync()
        self._table.link(extents)
        self._flush_table()
        self._enter(above, folder.folder_entry(name, cluster))
        return _Folder(cluster, tuple(extents), content)

    def _enter(self, path: str, entry: bytes) -> None:
        """Put an entry into a folder, which grows if it must."""
        holder = self._make(path)
        place = folder.free_place(holder.content)
        if place is None:
            place = len(holder.content)
            holder = self._grow(holder)
        self._write_folder(holder, place, entry)
        self._blocks.sync()

    def _grow(self, holder: _Folder) -> _Folder:
        folder.check_size(len(holder.content) + self._geometry.cluster)
        if not holder.extents:
            raise Refusal(Code.MEDIUM_FULL, "the root folder of the medium has no room for another name")
        extents = self._table.reserve(1)
        self._blocks.write(self._geometry.cluster_offset(extents[0].first), bytes(self._geometry.cluster))
        self._blocks.sync()
        last = holder.extents[-1]
        self._table.link(extents, after=last.first + last.count - 1)
        self._flush_table()
        return _Folder(
            holder.cluster, (*holder.extents, *extents), holder.content + bytes(self._geometry.cluster)
        )

    def _write_folder(self, holder: _Folder, offset: int, data: bytes) -> None:
        if not holder.extents:
            self._blocks.write(self._geometry.root_offset + offset, data)
            return
        for start, count in self._runs(holder.extents, offset, len(data)):
            self._blocks.write(start, data[:count])
            data = data[count:]

    def _soil(self) -> None:
        """Mark the volume dirty before the first change."""
        if not self._dirty:
            self._dirty = True
            self._table.mark(clean=False)
            self._table.flush()
            self._set_state(self._state() | _STATE_DIRTY)
            self._blocks.sync()

    def _state(self) -> int:
        """The state byte that Linux and Windows keep in the boot sector."""
        return self._blocks.read(self._geometry.state_offset, 1)[0]

    def _set_state(self, state: int) -> None:
        self._blocks.write(self._geometry.state_offset, bytes([state]))

    def _flush_table(self) -> None:
        self._table.flush()
        info = self._geometry.info_offset
        if info is not None and codecs.is_free_space_sector(self._blocks.read(info, 512)):
            self._blocks.write(info, codecs.free_space_sector(self._table.free, 0xFFFFFFFF))
        self._blocks.sync()


def _split(path: str) -> tuple[str, str]:
    parent, _, name = path.rpartition("/")
    return parent, name
