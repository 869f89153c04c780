"""What the kernel says of block devices, read from sysfs. Everything here only reads."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from media_format.errors import Misuse
from media_format.refusal import Code, Refusal

SECTOR = 512
"""sysfs counts sectors of 512 bytes, whatever the medium's own are."""


@dataclass(frozen=True, slots=True)
class System:
    """Where the kernel tells about disks and their users; another root makes the rule testable."""

    sysfs: Path = Path("/sys")
    proc: Path = Path("/proc")
    dev: Path = Path("/dev")

    def number(self, path: Path) -> str | None:
        """The number ("8:1") of the block device at `path`; None if there is none."""
        try:
            status = path.stat()
        except OSError:
            return None
        if not stat.S_ISBLK(status.st_mode):
            return None
        return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"


@dataclass(frozen=True, slots=True)
class BlockDevice:
    """A disk or a partition; `folder` is its place in sysfs, which tells the bus it hangs on."""

    folder: Path

    @classmethod
    def at(cls, path: Path, system: System) -> BlockDevice:
        """The device at `path`. Misuse if that is no block device, Refusal(medium-pulled) if it is gone."""
        number = system.number(path)
        if number is not None:
            return cls.numbered(number, system)
        raise Misuse(f"{path}: {'not a block device' if path.exists() else 'there is no such medium'}")

    @classmethod
    def numbered(cls, number: str, system: System) -> BlockDevice:
        """The device of a number, as "8:1"."""
        link = system.sysfs / "dev/block" / number
        if not link.exists():
            raise Refusal(Code.MEDIUM_PULLED, "the device is no longer there")
        return cls(link.resolve())

    @property
    def name(self) -> str:
        """The kernel's name, as "sdb1"."""
        return self.folder.name

    @property
    def number(self) -> str:
        """The device number, as "8:17"."""
        return self.fact("dev")

    @property
    def size(self) -> int:
        """Bytes; 0 where there is no medium in the drive."""
        return int(self.fact("size") or 0) * SECTOR

    @property
    def whole(self) -> BlockDevice:
        """The disk that a partition is on; a disk itself."""
        return BlockDevice(self.folder.parent) if (self.folder / "partition").exists() else self

    @property
    def partitions(self) -> Sequence[BlockDevice]:
        """The partitions that the kernel found on a disk."""
        return [
            BlockDevice(child) for child in sorted(self.folder.iterdir()) if (child / "partition").exists()
        ]

    @property
    def holders(self) -> Sequence[str]:
        """The devices built on this one: RAID, LVM, encryption."""
        folder = self.folder / "holders"
        return sorted(child.name for child in folder.iterdir()) if folder.is_dir() else []

    def fact(self, name: str) -> str:
        """One attribute of the device, as text; "" where the kernel does not tell."""
        return read_text(self.folder / name)


def read_text(path: Path) -> str:
    """A kernel file as text without the space around it; "" where there is none or it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8", "replace").strip()
    except OSError:
        return ""
