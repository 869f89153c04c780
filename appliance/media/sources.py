"""The sources of news about media: udev, and directories with what is mounted below them.

Their callbacks do nothing but put what they saw into a queue.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Protocol

import pyudev
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from appliance.media.sighting import DiskSeen, FolderChanged, Sightings
from media_format.errors import MachineFault


class Source(Protocol):
    """Something that puts sightings into a queue until it is stopped."""

    def stop(self) -> None:
        """Stop, and return when nothing more will come."""
        ...


def watch_udev(found: Sightings) -> Source:
    """Disks that come and go, after those that are there already."""
    context = pyudev.Context()
    monitor = pyudev.Monitor.from_netlink(context)
    monitor.filter_by("block", "disk")
    observer = pyudev.MonitorObserver(monitor, callback=lambda device: found.put(_disk(device)))
    observer.start()
    for device in context.list_devices(subsystem="block", DEVTYPE="disk"):
        found.put(_disk(device))
    source: Source = observer
    return source


def _disk(device: pyudev.Device) -> DiskSeen:
    gone = device.action == "remove"
    size = 0 if gone else int(device.attributes.get("size", b"0"))
    sequence = device.properties.get("DISKSEQ", "") or str(size)
    return DiskSeen(Path(device.device_node), size > 0, sequence)


class _Handler(FileSystemEventHandler):
    """Puts a look into the queue for everything that is made, moved, closed or removed."""

    def __init__(self, found: Sightings) -> None:
        self._found = found

    def on_any_event(self, event: FileSystemEvent) -> None:
        if event.event_type in ("created", "closed", "moved", "deleted"):
            self._found.put(FolderChanged())


def watch_folders(folders: Collection[Path], found: Sightings) -> Source:
    """Files and folders that change below `folders`. MachineFault if one is not there."""
    observer = Observer()
    for folder in folders:
        if not folder.is_dir():
            raise MachineFault(f"{folder}: the directory to watch is not there")
        observer.schedule(_Handler(found), str(folder), recursive=True)
    observer.start()
    return observer


class MountTable(threading.Thread):
    """Mounting makes no file event; the kernel wakes whoever polls the mount table (proc(5))."""

    def __init__(self, found: Sightings) -> None:
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
                self._found.put(FolderChanged())

    def stop(self) -> None:
        os.eventfd_write(self._wake, 1)
        self.join()
        os.close(self._wake)
