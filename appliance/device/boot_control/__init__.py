"""Boot controls: the seam to the bootloader. A new bootloader is one new file, and its line in `BACKENDS`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from appliance.device.boot_control.file import FileBootControl
from appliance.device.boot_control.protocol import BootControl, BootState
from appliance.device.storage import Storage
from media_format.errors import Misuse

Opener: TypeAlias = Callable[[Path, tuple[str, ...], Storage], BootControl]
"""Makes a boot control from the state directory, the names of the slots, and the storage to write through."""

BACKENDS: Final[Mapping[str, Opener]] = {"file": FileBootControl}


def open_boot_control(name: str, folder: Path, slots: tuple[str, ...], storage: Storage) -> BootControl:
    """The boot control that the configuration names. Misuse for one that does not exist."""
    if name not in BACKENDS:
        raise Misuse(f"there is no boot control {name}; there are {', '.join(sorted(BACKENDS))}")
    return BACKENDS[name](folder, slots, storage)


__all__ = ["BACKENDS", "BootControl", "BootState", "open_boot_control"]
