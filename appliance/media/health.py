"""Facts about a medium for a person: what it is, who made it, how fast it claims to be.

All from sysfs, without opening the medium. Vendor, model and serial are what the medium says of itself:
text for a screen, not an identity. What its file system says comes from `Volume.info`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.media.bus import Bus, bus, usb_device
from appliance.media.sysfs import BlockDevice, System, read_text

_MAX_TEXT: Final = 64
_SPEED_CLASSES: Final = {0: 0, 1: 2, 2: 4, 3: 6, 4: 10}
"""SD Physical Layer Simplified Specification, 4.10.2: SPEED_CLASS of the SD Status."""


@dataclass(frozen=True, slots=True)
class MediumFacts:
    """What the kernel knows of a medium. `size` in bytes; texts are empty where nothing is known."""

    size: int
    bus: Bus
    vendor: str
    model: str
    serial: str
    write_protected: bool
    speed: str
    """The speed class of an SD card ("C10 U3 V30"), or that of the USB link ("480 Mbit/s")."""


def medium_facts(device: Path, system: System | None = None) -> MediumFacts:
    """The facts about the medium at `device`. Misuse if it is no block device, Refusal(medium-pulled)."""
    disk = BlockDevice.at(device, system or System()).whole
    found = bus(disk)
    vendor, model, serial, speed = _card(disk) if found in (Bus.SD, Bus.MMC) else _disk(disk)
    write_protected = disk.fact("ro") == "1"
    return MediumFacts(
        disk.size, found, _plain(vendor), _plain(model), _plain(serial), write_protected, _plain(speed)
    )


def _disk(disk: BlockDevice) -> tuple[str, str, str, str]:
    """A disk's vendor, model, serial number and speed; on USB the serial number is the bridge's."""
    vendor, model = disk.fact("device/vendor"), disk.fact("device/model")
    usb = usb_device(disk)
    if usb is None:
        return vendor, model, disk.fact("device/serial"), ""
    rate = read_text(usb / "speed")
    return vendor, model, read_text(usb / "serial"), f"{rate} Mbit/s" if rate else ""


def _card(disk: BlockDevice) -> tuple[str, str, str, str]:
    serial, status = disk.fact("device/serial"), disk.fact("device/ssr")
    return disk.fact("device/manfid"), disk.fact("device/name"), serial, _speed_class(status)


def _speed_class(status: str) -> str:
    """The classes in the 64 bytes of an SD Status."""
    try:
        raw = bytes.fromhex(status)
    except ValueError:
        return ""
    if len(raw) != 64:
        return ""
    plain, uhs, video = _SPEED_CLASSES.get(raw[8], 0), raw[14] >> 4, raw[15]
    return " ".join(f"{name}{grade}" for name, grade in (("C", plain), ("U", uhs), ("V", video)) if grade)


def _plain(text: str) -> str:
    """What a medium says of itself, without what could move a cursor, and not endless."""
    return "".join(letter for letter in text if letter.isprintable())[:_MAX_TEXT].strip()
