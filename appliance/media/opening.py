"""Opening a medium: first the rule which disks may be touched, then the volume on it, in a courier.

A directory is the exception: the kernel has parsed its file system already, with all the rights a
kernel has, so a courier would keep nothing out. Where that matters, nothing mounts media by itself.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from pathlib import Path

from appliance.media.courier.starting import open_in_courier
from appliance.media.rule import check_block_device, check_disk
from appliance.media.service.client import SOCKET, open_disk_by_service
from appliance.media.sysfs import BlockDevice, System
from media_format.errors import Misuse
from media_format.volume.descriptor import Descriptor
from media_format.volume.directory import DirectoryVolume
from media_format.volume.seam import Volume


def open_medium(path: Path, *, writable: bool, loops: Collection[Path] = ()) -> Volume:
    """The volume on a medium: a block device, a FAT image file, or a directory where one is mounted.

    Raises Misuse when there is nothing at `path` that can be a medium, and Refusal(medium-*). A volume
    lives no longer than the thread that opened it: its courier ends with that.
    """
    if path.is_dir():
        return DirectoryVolume(path, writable=writable, alone=writable)
    disk = open_disk(path, writable=writable, loops=loops)
    return open_in_courier(disk, str(path), writable=writable)


def open_disk(path: Path, *, writable: bool, loops: Collection[Path] = ()) -> Descriptor:
    """The bytes of a medium: a block device that may be touched, held for ourselves, or an image file.

    The rule is asked before the device is opened, and again about what was opened: a name can pass to
    another disk in between. A user without rights on the device gets it from the media service, where
    one runs. Raises as `open_medium`.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise Misuse(f"{path}: there is no such medium") from None
    if stat.S_ISBLK(mode):
        if not os.access(path, os.R_OK | (os.W_OK if writable else 0)) and SOCKET.exists():
            return open_disk_by_service(path, writable=writable, at=SOCKET)
        check_disk(path, loops)
    elif not stat.S_ISREG(mode):
        raise Misuse(f"{path}: a medium is a block device, a FAT image file or a directory")
    disk = Descriptor.open(path, writable=writable)
    try:
        status = os.fstat(disk.handles()[0])
        if stat.S_ISBLK(status.st_mode):
            number = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
            system = System()
            check_block_device(BlockDevice.numbered(number, system), loops, system, str(path))
    except BaseException:
        disk.close()
        raise
    return disk
