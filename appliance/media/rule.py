"""The rule which disks may be touched: removable by their bus, and in use by nobody.

The kernel's `removable` flag alone is not enough (USB disks often lack it, card readers always have
it), so the bus is read from the device's place in sysfs. Loop devices are allowed only where the
configuration names them. Everything here only reads.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from media_format.errors import Misuse
from media_format.refusal import Code, Refusal

_REMOVABLE_BUS: Final = re.compile(r"/(usb\d+|mmc_host)/")


@dataclass(frozen=True, slots=True)
class System:
    """Where the rule reads about the system's disks; another root makes it testable."""

    sysfs: Path = Path("/sys")
    proc: Path = Path("/proc")


def check_disk(device: Path, loops: Collection[Path] = (), system: System | None = None) -> None:
    """Raise unless `device` may be used as a medium.

    `loops` are the loop devices that the configuration allows. Raises Misuse when there is no such
    block device, Refusal(medium-busy) with the reason when it must not be touched.
    """
    system = system or System()
    number = _device_number(device)
    disk = _sysfs_folder(number, system)
    whole = disk.parent if (disk / "partition").exists() else disk
    if whole.name.startswith("loop"):
        if device.resolve() not in {path.resolve() for path in loops}:
            raise _refused(device, "it is a loop device that the configuration does not name")
    elif not _REMOVABLE_BUS.search(f"{whole}/"):
        raise _refused(device, "it is not on a bus for removable media (USB, SD/MMC)")
    for part in [whole, *(child for child in sorted(whole.iterdir()) if (child / "partition").exists())]:
        _check_unused(part, system)


def _device_number(device: Path) -> int:
    try:
        status = device.stat()
    except FileNotFoundError:
        raise Misuse(f"{device}: there is no such medium") from None
    if not stat.S_ISBLK(status.st_mode):
        raise Misuse(f"{device}: not a block device")
    return status.st_rdev


def _sysfs_folder(number: int, system: System) -> Path:
    link = system.sysfs / "dev/block" / f"{os.major(number)}:{os.minor(number)}"
    if not link.exists():
        raise Refusal(Code.MEDIUM_PULLED, "the device is no longer there")
    return link.resolve()


def _check_unused(part: Path, system: System) -> None:
    """Mounted, swap, or a member of RAID, LVM or encryption: somebody uses it."""
    number = (part / "dev").read_text().strip()
    device = Path("/dev") / part.name
    for line in (system.proc / "self/mountinfo").read_text().splitlines():
        fields = line.split()
        if fields[2] == number:
            raise _refused(device, f"it is mounted at {fields[4]}")
    for line in (system.proc / "swaps").read_text().splitlines()[1:]:
        if line.split()[0] == str(device):
            raise _refused(device, "the system uses it as swap space")
    holders = sorted(holder.name for holder in (part / "holders").iterdir())
    if holders:
        raise _refused(device, f"it is part of {', '.join(holders)}")


def _refused(device: Path, why: str) -> Refusal:
    return Refusal(Code.MEDIUM_BUSY, f"{device} is not touched: {why}")
