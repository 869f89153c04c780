"""Noticing media: block devices through udev, mounted directories through watchdog, in one queue.

The sources put what they saw into the queue; `MediaWatcher.next` drains it and decides. A medium is
announced once for each time it is plugged in: what its user writes to it, and the events that causes,
announce nothing.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from appliance.media import sources
from appliance.media.rule import check_disk
from appliance.media.sighting import DiskSeen, FolderChanged, Sightings
from media_format import layout
from media_format.errors import Misuse
from media_format.refusal import Refusal

_DEPTH: Final = 2
"""Automounters mount at DIR/LABEL or DIR/USER/LABEL."""


@dataclass(frozen=True, slots=True)
class MediumInserted:
    """A medium is there and may be opened."""

    path: Path


@dataclass(frozen=True, slots=True)
class MediumRemoved:
    """A medium that was announced is gone."""

    path: Path


@dataclass(frozen=True, slots=True)
class MediumPassedOver:
    """A disk appeared that must not be touched; `reason` says why."""

    path: Path
    reason: str


MediumEvent: TypeAlias = MediumInserted | MediumRemoved | MediumPassedOver


class MediaWatcher:
    """Watches block devices (`udev`) and directories, and says which media came and went.

    `loops` are loop devices that count as media. Use it as a context manager, or call `close`.
    """

    def __init__(
        self, *, udev: bool = True, directories: Collection[Path] = (), loops: Collection[Path] = ()
    ) -> None:
        # Signal handlers call `close`: only this kind of queue may be filled by what interrupts a `get`.
        self._queue: Sightings = queue.SimpleQueue()
        self._closed = False
        self._ready: list[MediumEvent] = []
        self._directories = tuple(directories)
        self._loops = tuple(loops)
        self._disks: dict[Path, str] = {}
        self._mounted: dict[Path, frozenset[str]] = {}
        self._sources: list[sources.Source] = []
        if self._directories:
            folders = sources.watch_folders(self._directories, self._queue)
            self._sources += [folders, sources.MountTable(self._queue)]
            self._queue.put(FolderChanged())
        if udev:
            self._sources.append(sources.watch_udev(self._queue))

    def __enter__(self) -> MediaWatcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def next(self, timeout: float | None = None) -> MediumEvent | None:
        """The next event; None after `timeout` seconds without one, and after `close`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._ready and not self._closed:
            left = None if deadline is None else deadline - time.monotonic()
            try:
                seen = self._queue.get(timeout=left) if left is None or left > 0 else None
            except queue.Empty:
                return None
            if seen is None:
                return None
            self._ready += self._judge(seen)
        return None if self._closed else self._ready.pop(0)

    def finished(self, path: Path) -> None:
        """Say that the work on a medium is done: what stands on it now is no news any more."""
        if path in self._mounted:
            self._mounted[path] = _objects(path)

    def close(self) -> None:
        """Stop watching; a `next` that waits returns None, whatever was seen before."""
        self._closed = True
        while self._sources:
            self._sources.pop().stop()
        self._queue.put(None)

    def _judge(self, seen: DiskSeen | FolderChanged) -> list[MediumEvent]:
        return self._judge_disk(seen) if isinstance(seen, DiskSeen) else self._judge_directories()

    def _judge_disk(self, disk: DiskSeen) -> list[MediumEvent]:
        known = self._disks.get(disk.path)
        if disk.present and known == disk.sequence:
            return []
        events: list[MediumEvent] = []
        if known is not None:
            del self._disks[disk.path]
            events.append(MediumRemoved(disk.path))
        if disk.present:
            try:
                check_disk(disk.path, self._loops)
            except Refusal as refusal:
                return [*events, MediumPassedOver(disk.path, refusal.detail)]
            except (Misuse, OSError):
                return events  # gone again before it could be looked at; udev says so next
            self._disks[disk.path] = disk.sequence
            events.append(MediumInserted(disk.path))
        return events

    def _judge_directories(self) -> list[MediumEvent]:
        found = {
            path: _objects(path) for folder in self._directories for path in _media_below(folder, _DEPTH)
        }
        events: list[MediumEvent] = [MediumRemoved(path) for path in self._mounted if path not in found]
        news = [
            path
            for path in found
            if found[path] - self._mounted.get(path, frozenset()) or path not in self._mounted
        ]
        self._mounted = found
        return events + [MediumInserted(path) for path in news]


def _media_below(folder: Path, depth: int) -> Iterator[Path]:
    """Directories that are media: mounted somewhere below `folder`, or with our folder in them."""
    try:
        if (folder / layout.ROOT).is_dir() or (depth < _DEPTH and folder.is_mount()):
            yield folder
            return
        children = sorted(child for child in folder.iterdir() if child.is_dir() and not child.is_symlink())
    except OSError:
        return
    for child in children if depth else ():
        yield from _media_below(child, depth - 1)


def _objects(medium: Path) -> frozenset[str]:
    """The names that make a medium worth a look: packages that exist, requests, receipts."""
    names = []
    for pattern in (f"{layout.PACKAGES}/*/{layout.ENVELOPE}", f"{layout.REQUESTS}/*", f"{layout.RECEIPTS}/*"):
        try:
            names += [str(path) for path in medium.glob(pattern)]
        except OSError:
            continue
    return frozenset(names)
