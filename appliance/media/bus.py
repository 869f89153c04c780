"""The bus that a disk hangs on: what makes a medium removable.

The kernel's `removable` flag alone says little: USB sticks often lack it, card readers always have it,
and SD cards never do. So the bus is read from the disk's place in sysfs.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import Final

from appliance.media.sysfs import BlockDevice, read_text

_USB: Final = re.compile(r"/usb\d+/")
_MMC: Final = re.compile(r"/mmc_host/")
_HARDWARE_PARTITION: Final = re.compile(r"mmcblk\d+(boot\d+|rpmb|gp\d+)")


class Bus(StrEnum):
    """Where a disk hangs."""

    USB = "USB"
    SD = "SD"
    MMC = "MMC"
    """An MMC host with something else than an SD card in it: nearly always an eMMC."""
    LOOP = "loop"
    OTHER = "other"


def bus(disk: BlockDevice) -> Bus:
    """The bus of a whole disk."""
    place = f"{disk.folder}/"
    if disk.name.startswith("loop"):
        return Bus.LOOP
    if _MMC.search(place):
        return Bus.SD if disk.fact("device/type").startswith("SD") else Bus.MMC
    return Bus.USB if _USB.search(place) else Bus.OTHER


def usb_device(disk: BlockDevice) -> Path | None:
    """The place in sysfs of the USB device that a disk belongs to."""
    return next((folder for folder in disk.folder.parents if (folder / "busnum").exists()), None)


def why_not_removable(disk: BlockDevice) -> str | None:
    """Why a disk is no removable medium, as a clause that begins with "it"; None if it is one.

    Loop devices are not judged here: the configuration decides about them.
    """
    if _HARDWARE_PARTITION.fullmatch(disk.name):
        return "it is a hardware partition of an eMMC"
    match bus(disk):
        case Bus.MMC:
            return "it is an eMMC, which is part of the machine"
        case Bus.USB if _built_in(disk):
            return "it is built in: the firmware says that its USB port cannot be reached from outside"
        case Bus.OTHER:
            return "it is not on a bus for removable media (USB, SD)"
        case _:
            return None


def _built_in(disk: BlockDevice) -> bool:
    """A disk soldered to an internal USB port; a card in a built-in reader is none."""
    device = usb_device(disk)
    return device is not None and read_text(device / "removable") == "fixed" and disk.fact("removable") == "0"
