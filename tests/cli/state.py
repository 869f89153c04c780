"""What a refusal must leave as it was, read with the roles' own code and compared as a whole."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from pathlib import Path
from typing import Any

from appliance.device.boot_control import open_boot_control
from appliance.device.configuration import read_configuration
from appliance.device.record import TiedRecord
from appliance.device.storage import DiskStorage
from appliance.tpm import open_tpm
from media_format import layout
from media_format.refusal import Code, Refusal
from media_format.volume import Volume, open_volume

DEVICE_WRITES = (layout.REQUESTS, layout.RECEIPTS)
"""Where a device may leave something, whatever it thinks of a medium."""


def device_state(device: Path, *, streamed: bool = False) -> dict[str, Any]:
    """Slots, boot control, what is installed, and the key chain in the record that the TPM's counter ties.

    With `streamed` the slot that does not run is left out: what was verified before the refusal stands there.
    """
    state: dict[str, Any] = {
        str(path.relative_to(device)): _digest(path) for path in _slots(device, running_only=streamed)
    }
    if not streamed:
        state["installed"] = _digest(device / "installed.cbor")
    state["boot control"] = _digest(device / "boot.cbor")
    try:
        facts = read_record(device).facts
    except Refusal as refusal:
        assert refusal.code is Code.TPM_UNAVAILABLE
    else:
        state["key chain"] = (facts.epoch, facts.heads, facts.pending, facts.security_floor)
    return state


def read_record(device: Path) -> TiedRecord:
    """The device's record, opened with its TPM."""
    tpm = open_tpm("soft:tpm", create=False, now=lambda: int(time.time()), folder=device)
    return TiedRecord(device, tpm, DiskStorage())


def box_state(box: Path) -> dict[str, Any]:
    """Every row of the box's database, and every file of its sealed packages."""
    database = sqlite3.connect(f"file:{box / 'box.db'}?mode=ro", uri=True)
    try:
        rows = list(database.iterdump())
    finally:
        database.close()
    packages = {str(path): _digest(path) for path in sorted((box / "packages").rglob("*")) if path.is_file()}
    return {"rows": rows, "packages": packages}


def medium_state(medium: Path, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The files on a medium, `without` those in some folders; where it cannot be read, its bytes."""
    if not medium.exists() or medium.is_block_device():
        return {}
    try:
        volume = open_volume(medium, writable=False)
    except Refusal:
        return {"bytes": _digest(medium)}
    try:
        return dict(_files(volume, "", without))
    finally:
        volume.close()


def _files(volume: Volume, folder: str, without: tuple[str, ...]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for entry in volume.list(folder):
        path = f"{folder}/{entry.name}" if folder else entry.name
        if path in without:
            continue
        if entry.folder:
            found += _files(volume, path, without)
        else:
            found.append((path, _content(volume, path, entry.size)))
    return found


def _content(volume: Volume, path: str, size: int) -> str:
    try:
        return hashlib.sha256(volume.read_object(path, size)).hexdigest()
    except Refusal as refusal:
        return str(refusal)


def _slots(device: Path, *, running_only: bool) -> list[Path]:
    if not running_only:
        return sorted((device / "slots").iterdir())
    configuration = read_configuration((device / "device.toml").read_text())
    control = open_boot_control("file", device, tuple(configuration.slots), DiskStorage())
    running = control.state().running
    return [device / banks[running[slot]] for slot, banks in configuration.slots.items()]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else "absent"
