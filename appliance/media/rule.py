"""The rule which disks may be touched: removable by their bus, and in use by nobody.

Loop devices are allowed only where the configuration names them. Everything here only reads.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from appliance.media.bus import Bus, bus, why_not_removable
from appliance.media.sysfs import BlockDevice, System
from appliance.media.usage import Usage
from media_format.refusal import Code, Refusal


def check_disk(device: Path, loops: Collection[Path] = (), system: System | None = None) -> None:
    """Raise unless the disk at `device`, or the one that this partition is on, may be used as a medium.

    `loops` are the loop devices that the configuration allows. Raises Misuse when there is no such
    block device, Refusal(medium-busy) with the reason when it must not be touched, and
    Refusal(medium-pulled) when there is no medium in the drive.
    """
    system = system or System()
    check_block_device(BlockDevice.at(device, system), loops, system, str(device))


def check_block_device(device: BlockDevice, loops: Collection[Path], system: System, name: str) -> None:
    """The same for a device that was found already; `name` is what errors call it."""
    disk = device.whole
    why = Usage(system).of(disk)
    if why is None and bus(disk) is Bus.LOOP:
        named = disk.number in {system.number(path) for path in loops}
        why = None if named else "it is a loop device that the configuration does not name"
    elif why is None:
        why = why_not_removable(disk)
    if why is not None:
        raise Refusal(Code.MEDIUM_BUSY, f"{name} is not touched: {why}")
    if disk.size == 0:
        raise Refusal(Code.MEDIUM_PULLED, f"{name}: there is no medium in the drive")
