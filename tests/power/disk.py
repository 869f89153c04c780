"""A disk as a power cut leaves it: what was written and when it was made durable, file by file.

Data of a file counts as durable once the file was synced, a name once its folder was. What was not is left
out, kept, or both in any mixture: of each sector any state since the last sync, torn ones too, of a file's
length any since then. Changes of a folder's names keep their order, as in a file system with a journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from random import Random
from typing import Final, TypeAlias

SECTOR: Final = 512


class Loss(StrEnum):
    """What a cut does to what was not synced."""

    NOTHING = "killed: nothing lost"
    ALL = "cut: all unsynced lost"
    SOME = "cut: any of it lost"
    TORN = "cut: lost and torn"


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes that were written to a file."""

    path: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Resize:
    """A file that was cut or grown to `size` bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Create:
    """A new, empty file, or a new folder."""

    path: str
    folder: bool = False


@dataclass(frozen=True, slots=True)
class Rename:
    """A file that got another name in the same folder, in the place of what had it before."""

    path: str
    to: str


@dataclass(frozen=True, slots=True)
class Remove:
    """A name that is gone."""

    path: str


@dataclass(frozen=True, slots=True)
class Sync:
    """A file or folder that was made durable."""

    path: str


@dataclass(frozen=True, slots=True)
class Said:
    """What the program told its user: from here on it must be true."""


Left: TypeAlias = Mapping[str, bytes | None]
"""Files by path; None stands for a folder."""
Event: TypeAlias = Write | Resize | Create | Rename | Remove | Sync | Said


@dataclass(slots=True)
class _File:
    """A file's durable bytes, and the writes and sizes since."""

    durable: bytes = b""
    pending: list[Write | Resize] = field(default_factory=list)

    def sync(self) -> None:
        self.durable, self.pending = self.whole(), []

    def whole(self) -> bytes:
        if not self.pending:
            return self.durable
        content = bytearray(self.durable)
        for change in self.pending:
            _change(content, change)
        return bytes(content)

    def left(self, loss: Loss, random: Random) -> bytes:
        match loss:
            case Loss.NOTHING:
                return self.whole()
            case Loss.ALL:
                return self.durable
            case _:
                return self._mixture(random, torn=loss is Loss.TORN)

    def _mixture(self, random: Random, *, torn: bool) -> bytes:
        content, sizes = bytearray(self.durable), [len(self.durable)]
        histories: dict[int, list[bytes]] = {}
        for change in self.pending:
            before = bytes(content)
            _change(content, change)
            sizes.append(len(content))
            for sector in _touched(change, len(before)):
                at = slice(sector * SECTOR, (sector + 1) * SECTOR)
                histories.setdefault(sector, [before[at]]).append(bytes(content[at]))
        left = bytearray(random.choice(sizes))
        left[: len(self.durable)] = self.durable[: len(left)]
        for sector, history in histories.items():
            place = random.randrange(len(history))
            state = history[place]
            if torn and place and random.random() < 0.5:
                end = random.randint(0, len(state))
                state = state[:end] + history[place - 1][end:]
            start = sector * SECTOR
            state = state[: max(0, len(left) - start)]
            left[start : start + len(state)] = state
        return bytes(left)


def _change(content: bytearray, change: Write | Resize) -> None:
    if isinstance(change, Resize):
        del content[change.size :]
        content.extend(bytes(change.size - len(content)))
    else:
        content.extend(bytes(max(0, change.offset - len(content))))
        content[change.offset : change.offset + len(change.data)] = change.data


def _touched(change: Write | Resize, before: int) -> range:
    if isinstance(change, Resize):
        first, end = min(change.size, before), max(change.size, before)
    else:
        first, end = min(change.offset, before), change.offset + len(change.data)
    return range(first // SECTOR, -(-end // SECTOR))


_FOLDER: Final = _File()
"""Stands for a folder among the files."""


class Disk:
    """A folder's files by their paths in it, and what is pending. All that is there at first is durable."""

    def __init__(self, folder: Path) -> None:
        self._names: dict[str, _File] = {}
        for path in sorted(folder.rglob("*")):
            if not path.is_symlink() and (path.is_dir() or path.is_file()):
                name = str(path.relative_to(folder))
                self._names[name] = _FOLDER if path.is_dir() else _File(path.read_bytes())
        self._durable = dict(self._names)
        self._pending: dict[str, list[Mapping[str, _File | None]]] = {}

    def holds(self, path: str) -> bool:
        """Whether there is such a name now."""
        return path in self._names

    def size(self, path: str) -> int:
        """Bytes of a file now."""
        return len(self._names[path].whole())

    def apply(self, event: Event) -> None:
        """Let it happen."""
        match event:
            case Write() | Resize():
                self._names[event.path].pending.append(event)
            case Create():
                self._rename({event.path: _FOLDER if event.folder else _File()})
            case Rename():
                self._rename({event.path: None, event.to: self._names[event.path]})
            case Remove():
                self._rename({event.path: None})
            case Sync() if self._names.get(event.path, _FOLDER) is _FOLDER:
                for change in self._pending.pop(event.path, ()):
                    _enter(self._durable, change)
            case Sync():
                self._names[event.path].sync()
            case Said():
                pass

    def left(self, loss: Loss, random: Random) -> Left:
        """What a cut at this moment leaves."""
        names = dict(self._durable)
        for changes in self._pending.values():
            match loss:
                case Loss.NOTHING:
                    kept = len(changes)
                case Loss.ALL:
                    kept = 0
                case _:
                    kept = random.randint(0, len(changes))
            for change in changes[:kept]:
                _enter(names, change)
        return {
            path: None if file is _FOLDER else file.left(loss, random)
            for path, file in names.items()
            if all(str(above) in (".", *names) for above in PurePosixPath(path).parents)
        }

    def _rename(self, change: Mapping[str, _File | None]) -> None:
        (folder,) = {_above(path) for path in change}
        _enter(self._names, change)
        self._pending.setdefault(folder, []).append(change)


def _above(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _enter(names: dict[str, _File], change: Mapping[str, _File | None]) -> None:
    for path, file in change.items():
        if file is None:
            names.pop(path, None)
        else:
            names[path] = file


@dataclass(frozen=True, slots=True)
class Cut:
    """The power goes after the event at `place`; `said`: the program had told its user that all was done."""

    place: int
    said: bool
    left: Left


def lay(left: Left, folder: Path) -> None:
    """Make a folder hold what a cut left."""
    for path in sorted(left):
        place, data = folder / path, left[path]
        if data is None:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        else:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            place.write_bytes(data)
            place.chmod(0o600)


def cuts(disk: Disk, events: Iterable[Event], loss: Loss, random: Random) -> Iterator[Cut]:
    """The cuts after each change, without those that leave the same as the one before, with as much said."""
    said, before = False, None
    for place, event in enumerate(events):
        disk.apply(event)
        said = said or isinstance(event, Said)
        found = Cut(place, said, disk.left(loss, random))
        if before is None or (found.said, found.left) != (before.said, before.left):
            yield found
        before = found
