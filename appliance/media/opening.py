"""Opening a medium: first the rule which disks may be touched, then the volume on it."""

from __future__ import annotations

import stat
from collections.abc import Collection
from pathlib import Path

from appliance.media.rule import check_disk
from media_format.errors import Misuse
from media_format.volume import open_volume
from media_format.volume.seam import Volume


def open_medium(path: Path, *, writable: bool, loops: Collection[Path] = ()) -> Volume:
    """The volume on a medium: a block device, a FAT image file, or a directory where one is mounted.

    Raises Misuse when there is nothing at `path` that can be a medium, and Refusal(medium-*).
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise Misuse(f"{path}: there is no such medium") from None
    if stat.S_ISBLK(mode):
        check_disk(path, loops)
    elif not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
        raise Misuse(f"{path}: a medium is a block device, a FAT image file or a directory")
    return open_volume(path, writable=writable)
