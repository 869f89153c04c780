"""Noticing media: block devices through udev, mounted directories through watchdog, in one queue.

The callbacks of the sources do nothing but put what they saw into the queue; `MediaWatcher.next`
drains it and decides. A medium is announced once for each time it is plugged in: what its user
writes to it, and the events that causes, announce nothing.
"""

from __future__ import annotations

import os
import queue
import select
import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import pyudev
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from appliance.media.rule import check_disk
from media_format import layout
from media_format.errors import MachineFault, Misuse
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


@dataclass(frozen=True, slots=True)
class _Disk:
    """What udev said of a disk: `sequence` differs each time a medium is put in."""

    path: Path
    present: bool
    sequence: str


@dataclass(frozen=True, slots=True)
class _Look:
    """Something changed below a watched directory."""


class _Stoppable(Protocol):
    def stop(self) -> None: ...


class MediaWatcher:
    """Watches block devices (`udev`) and directories, and says which media came and went.

    `loops` are loop devices that count as media. Use it as a context manager, or call `close`.
    """

    def __init__(
        self, *, udev: bool = True, directories: Collection[Path] = (), loops: Collection[Path] = ()
    ) -> None:
        self._queue: queue.Queue[_Disk | _Look | None] = queue.Queue()
        self._ready: list[MediumEvent] = []
        self._directories = tuple(directories)
        self._loops = tuple(loops)
        self._disks: dict[Path, str] = {}
        self._mounted: dict[Path, frozenset[str]] = {}
        self._sources: list[_Stoppable] = []
        if self._directories:
            self._sources += [_watch_folders(self._directories, self._queue), _MountTable(self._queue)]
            self._queue.put(_Look())
        if udev:
            self._start_udev()

    def __enter__(self) -> MediaWatcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def next(self, timeout: float | None = None) -> MediumEvent | None:
        """The next event; None after `timeout` seconds without one, and after `close`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._ready:
            left = None if deadline is None else deadline - time.monotonic()
            try:
                seen = self._queue.get(timeout=left) if left is None or left > 0 else None
            except queue.Empty:
                return None
            if seen is None:
                return None
            self._ready += self._judge(seen)
        return self._ready.pop(0)

    def finished(self, path: Path) -> None:
        """Say that the work on a medium is done: what stands on it now is no news any more."""
        if path in self._mounted:
            self._mounted[path] = _objects(path)

    def close(self) -> None:
        """Stop watching; a `next` that waits returns None."""
        while self._sources:
            self._sources.pop().stop()
        self._queue.put(None)

    def _start_udev(self) -> None:
        context = pyudev.Context()
        monitor = pyudev.Monitor.from_netlink(context)
        monitor.filter_by("block", "disk")
        observer = pyudev.MonitorObserver(monitor, callback=lambda device: self._queue.put(_disk(device)))
        observer.start()
        self._sources.append(observer)
        for device in context.list_devices(subsystem="block", DEVTYPE="disk"):
            self._queue.put(_disk(device))

    def _judge(self, seen: _Disk | _Look) -> list[MediumEvent]:
        return self._judge_disk(seen) if isinstance(seen, _Disk) else self._judge_directories()

    def _judge_disk(self, disk: _Disk) -> list[MediumEvent]:
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


def _disk(device: pyudev.Device) -> _Disk:
    gone = device.action == "remove"
    size = 0 if gone else int(device.attributes.get("size", b"0"))
    sequence = device.properties.get("DISKSEQ", "") or str(size)
    return _Disk(Path(device.device_node), size > 0, sequence)


class _Handler(FileSystemEventHandler):
    """Puts a look into the queue for everything that is made, moved, closed or removed."""

    def __init__(self, found: queue.Queue[_Disk | _Look | None]) -> None:
        self._found = found

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in ("created", "closed", "moved", "deleted"):
            self._found.put(_Look())


def _watch_folders(folders: Collection[Path], found: queue.Queue[_Disk | _Look | None]) -> _Stoppable:
    observer = Observer()
    for folder in folders:
        if not folder.is_dir():
            raise MachineFault(f"{folder}: the directory to watch is not there")
        observer.schedule(_Handler(found), str(folder), recursive=True)
    observer.start()
    return observer


class _MountTable(threading.Thread):
    """Mounting makes no file event; the kernel wakes whoever polls the mount table (proc(5))."""

    def __init__(self, found: queue.Queue[_Disk | _Look | None]) -> None:
        super().__init__(name="mount-table", daemon=True)
        self._found = found
        self._wake = os.eventfd(0)
        self.start()

    def run(self) -> None:
        with open("/proc/self/mountinfo", "rb") as table:
            poll = select.poll()
            poll.register(table, select.POLLERR | select.POLLPRI)
            poll.register(self._wake, select.POLLIN)
            while self._wake not in dict(poll.poll()):
                self._found.put(_Look())

    def stop(self) -> None:
        os.eventfd_write(self._wake, 1)
        self.join()
        os.close(self._wake)


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
