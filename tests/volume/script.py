"""Sequences of what a box may do with a volume, played against a model that is a dictionary."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

from hypothesis import strategies as st

from media_format.errors import Misuse
from media_format.refusal import Code, Refusal
from media_format.volume.fat import FatVolume
from media_format.volume.partition import find_volume
from tests.volume.memory import Memory

_FOLDERS: Final = ("", "UPDATEBX/REQUESTS", "UPDATEBX/PACKAGES/0A1B2C3D", "A/B/C/D/E", "A/B")
_NAMES: Final = ("MANIFEST.CBR", "PAYLOAD.000", "PAYLOAD.001", "1A2B3C4D.REQ", "X", "MANY")
_FILLABLE: Final = 40 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Write:
    """Write a file in pieces. `clusters` and `more` make its size; `kept` is whether it is committed."""

    path: str
    clusters: int
    more: int
    pieces: int = 1
    kept: bool = True

    def size(self, cluster: int) -> int:
        """The file's size in bytes."""
        return max(0, self.clusters * cluster + self.more)


@dataclass(frozen=True, slots=True)
class Pair:
    """Write two files at the same time, a piece of one, then a piece of the other."""

    one: Write
    other: Write


@dataclass(frozen=True, slots=True)
class Many:
    """Write so many files of one byte into a folder."""

    folder: str
    count: int


@dataclass(frozen=True, slots=True)
class Fill:
    """Write one file that leaves `left` clusters free, where the volume is small."""

    path: str
    left: int


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the file or folder at a path."""

    path: str


@dataclass(frozen=True, slots=True)
class Settle:
    """Bring everything to the medium; with `again` close the volume and open it anew."""

    again: bool


Step = Write | Pair | Many | Fill | Delete | Settle

_paths = st.builds(
    lambda folder, name: f"{folder}/{name}" if folder else name,
    st.sampled_from(_FOLDERS),
    st.sampled_from(_NAMES),
)
_writes = st.builds(
    Write,
    path=_paths,
    clusters=st.integers(0, 9),
    more=st.sampled_from((-1, 0, 1)),
    pieces=st.integers(1, 4),
    kept=st.booleans() | st.just(True),
)
steps = st.lists(
    _writes
    | st.builds(Pair, _writes, _writes)
    | st.builds(Many, st.sampled_from(_FOLDERS), st.sampled_from((1, 20, 150)))
    | st.builds(Fill, _paths, st.integers(0, 3))
    | st.builds(Delete, _paths | st.sampled_from(("UPDATEBX/REQUESTS", "A/B", "A/B/C/D/E")))
    | st.builds(Settle, st.booleans()),
    min_size=1,
    max_size=12,
)


def content(path: str, size: int) -> bytes:
    """What a file of this name and size holds. No two clusters of it are alike."""
    block = random.Random(f"{path} {size}").randbytes(997)
    return (block * (size // len(block) + 1))[:size]


@dataclass(slots=True)
class Player:
    """Plays steps on a medium, and keeps in `files` what must be there afterwards."""

    medium: Memory
    files: dict[str, bytes] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    volume: FatVolume = field(init=False)

    def __post_init__(self) -> None:
        """Open the volume."""
        self.volume = FatVolume(find_volume(self.medium))

    def play(self, step: Step) -> None:
        """Play one step; what the volume refuses must be what the model says it may refuse."""
        match step:
            case Write():
                self._write(step)
            case Pair(one, other):
                self._pair(one, other)
            case Many(folder, count):
                for number in range(count):
                    path = f"{folder}/N{number:07d}" if folder else f"N{number:07d}"
                    self._write(Write(path, 0, 1))
            case Fill(path, left):
                info = self.volume.info()
                if info.free < _FILLABLE:
                    self._write(Write(path, info.free // info.cluster - left, 0))
            case Delete(path):
                self._delete(path)
            case Settle(again):
                self.volume.settle()
                if again:
                    self.volume.close()
                    self.__post_init__()

    def check(self) -> None:
        """Every file reads as the model has it."""
        for path, data in self.files.items():
            assert self.volume.read_object(path, len(data)) == data, path
            assert (
                self.volume.read_run(path, len(data) // 3, len(data) // 2)
                == data[len(data) // 3 :][: len(data) // 2]
            )

    def _begin(self, write: Write) -> int | None:
        info = self.volume.info()
        size = write.size(info.cluster)
        taken = set(self.files) | self.folders
        parents = self._above(write.path)
        try:
            ticket = self.volume.begin(write.path, size)
        except Misuse:
            assert write.path in taken, f"{write.path} is not there"
            return None
        except Refusal as refusal:
            if refusal.code is Code.MEDIUM_FULL:
                room = info.free // info.cluster - 2 * len(parents) - 1
                assert -(-size // info.cluster) > room or self._root_is_full(write.path), refusal.detail
            else:
                assert refusal.code is Code.MEDIUM_UNREADABLE and set(parents) & set(self.files), refusal
            return None
        assert write.path not in taken
        self.folders |= set(parents)
        return ticket

    def _write(self, write: Write) -> None:
        ticket = self._begin(write)
        if ticket is not None:
            for piece in self._pieces(write):
                self.volume.append(ticket, piece)
            self._finish(write, ticket)

    def _pair(self, one: Write, other: Write) -> None:
        begun = [
            (write, self._begin(write)) for write in (one, other) if one.path != other.path or write is one
        ]
        waiting = [(ticket, list(self._pieces(write))) for write, ticket in begun if ticket is not None]
        while any(pieces for _, pieces in waiting):
            for ticket, pieces in waiting:
                if pieces:
                    self.volume.append(ticket, pieces.pop(0))
        for write, begun_ticket in reversed(begun):
            if begun_ticket is not None:
                self._finish(write, begun_ticket)

    def _finish(self, write: Write, ticket: int) -> None:
        if write.kept:
            self.volume.commit(ticket)
            self.files[write.path] = content(write.path, write.size(self.volume.info().cluster))
        else:
            self.volume.discard(ticket)

    def _pieces(self, write: Write) -> list[bytes]:
        data = content(write.path, write.size(self.volume.info().cluster))
        step = max(1, -(-len(data) // write.pieces))
        return [data[start : start + step] for start in range(0, len(data), step)]

    def _delete(self, path: str) -> None:
        inside = any(other.startswith(f"{path}/") for other in (*self.files, *self.folders))
        there = path in self.files or path in self.folders
        try:
            self.volume.delete(path)
        except Misuse:
            assert inside or not there, f"{path} could not be deleted"
            return
        assert there and not inside
        self.files.pop(path, None)
        self.folders.discard(path)

    def _above(self, path: str) -> list[str]:
        parts = path.split("/")[:-1]
        return ["/".join(parts[: depth + 1]) for depth in range(len(parts))]

    def _root_is_full(self, path: str) -> bool:
        """A fixed root has 512 places or fewer; other people's long names take several each."""
        return self.volume.info().kind != "fat32" and sum("/" not in name for name in self.files) > 300
