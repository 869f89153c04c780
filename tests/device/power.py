"""A power supply that fails at a chosen durable write of a device: its state, its slots, or its TPM."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from appliance.device.configuration import FILE_NAME, read_configuration
from appliance.device.machine import Machine
from appliance.device.service import Device
from appliance.device.storage import DiskStorage
from appliance.tpm.soft import SoftTpm
from media_format.durable import replace_file
from media_format.volume.seam import Data
from tests.workshop import now


class Cut(BaseException):
    """The power goes. No code of the device's may catch it."""


class Manner(Enum):
    """What the failing write leaves behind."""

    BEFORE = "nothing of it"
    TORN = "half of it"
    AFTER = "all of it, though nobody was told"
    LOST = "nothing that was written since the last sync"


@dataclass
class _Unsynced:
    path: Path
    offset: int
    before: bytes


class Power:
    """Fails at the write number `fails_at`, counted from 0, and stays off."""

    def __init__(self, fails_at: int | None = None, manner: Manner = Manner.BEFORE) -> None:
        self.fails_at = fails_at
        self.manner = manner
        self.writes = 0
        self._unsynced: list[_Unsynced] = []

    def around(self, do: Callable[[], object], half: Callable[[], object]) -> None:
        """Do a write, unless the power goes with it."""
        place, self.writes = self.writes, self.writes + 1
        if self.fails_at is None or place < self.fails_at:
            do()
            return
        if place == self.fails_at:
            if self.manner is Manner.TORN:
                half()
            if self.manner is Manner.AFTER:
                do()
            if self.manner is Manner.LOST:
                self._lose()
        raise Cut

    def remember(self, path: Path, offset: int, length: int) -> None:
        """Keep what stood where a write goes, until a sync makes it durable."""
        with path.open("rb") as bank:
            bank.seek(offset)
            self._unsynced.append(_Unsynced(path, offset, bank.read(length)))

    def synced(self) -> None:
        """What was written outlasts a cut from here on."""
        self._unsynced.clear()

    def _lose(self) -> None:
        for write in reversed(self._unsynced):
            with write.path.open("r+b") as bank:
                bank.seek(write.offset)
                bank.write(write.before)


class FailingStorage(DiskStorage):
    """Implements `appliance.device.storage.Storage`."""

    def __init__(self, power: Power) -> None:
        self._power = power

    def write(self, descriptor: int, data: Data, offset: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        self._power.remember(path, offset, len(data))
        half = bytes(data[: len(data) // 2])
        self._power.around(
            lambda: DiskStorage.write(self, descriptor, data, offset),
            lambda: DiskStorage.write(self, descriptor, half, offset),
        )

    def sync(self, descriptor: int) -> None:
        self._power.around(lambda: DiskStorage.sync(self, descriptor), lambda: None)
        self._power.synced()

    def replace(self, path: Path, data: bytes) -> None:
        self._power.around(lambda: replace_file(path, data), lambda: tear(path, data))

    def remove(self, path: Path) -> None:
        self._power.around(lambda: DiskStorage.remove(self, path), lambda: None)


def tear(path: Path, data: bytes) -> None:
    """What a cut within `replace_file` leaves: half a temporary file."""
    path.with_name(f".{path.name}.new").write_bytes(data[: len(data) // 2])


def device_on(power: Power, folder: Path) -> Device:
    """The device in `folder` with its storage and its TPM on one power supply."""

    def replace(path: Path, data: bytes) -> None:
        power.around(lambda: replace_file(path, data), lambda: tear(path, data))

    configuration = read_configuration((folder / FILE_NAME).read_text())
    tpm = SoftTpm.load_from(folder / "tpm", now, replace)
    return Device(Machine.assemble(folder, configuration, tpm, FailingStorage(power)))
