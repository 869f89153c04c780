"""The medium's file system: one seam, spoken by FAT volumes and by directories that the system mounted."""

from __future__ import annotations

from pathlib import Path

from media_format.volume.descriptor import Descriptor
from media_format.volume.directory import DirectoryVolume
from media_format.volume.fat import FatVolume
from media_format.volume.partition import find_volume
from media_format.volume.seam import Entry, ReadBack, Volume, VolumeInfo

__all__ = ["Entry", "ReadBack", "Volume", "VolumeInfo", "open_volume"]


def open_volume(path: Path, *, writable: bool) -> Volume:
    """The volume at `path`: a directory, a FAT image file, or a block device. Refusal(medium-*)."""
    if path.is_dir():
        return DirectoryVolume(path, writable=writable, alone=writable)
    descriptor = Descriptor.open(path, writable=writable)
    try:
        return FatVolume(find_volume(descriptor))
    except BaseException:
        descriptor.close()
        raise
