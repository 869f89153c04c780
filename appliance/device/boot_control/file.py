"""A boot control for development: the switch is a file in the state directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Final

from appliance.device.boot_control.protocol import BootState
from appliance.device.storage import Storage
from media_format.objects.manifest import SHORT
from media_format.refusal import Code, Refusal
from media_format.wire import Flag, Many, Nested, Record, Uint, key, record

FILE_NAME: Final = "boot.cbor"


@record
class _Switch(Record):
    """One slot's bank."""

    NAME: ClassVar[str] = "boot switch"

    slot: str = key(1, SHORT)
    bank: int = key(2, Uint(0, 1))


_SWITCHES: Final = Many(Nested(_Switch), 64)


@record
class _BootFile(Record):
    """What boot.cbor holds."""

    NAME: ClassVar[str] = "boot control"

    banks: tuple[_Switch, ...] = key(1, _SWITCHES)
    previous: tuple[_Switch, ...] | None = key(2, _SWITCHES, default=None)
    tries: int | None = key(3, Uint(), default=None)
    booted: bool = key(4, Flag())


class FileBootControl:
    """Boots bank A of every slot until it is told otherwise."""

    def __init__(self, folder: Path, slots: tuple[str, ...], storage: Storage) -> None:
        self._path = folder / FILE_NAME
        self._slots = slots
        self._storage = storage

    def state(self) -> BootState:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return BootState(dict.fromkeys(self._slots, 0))
        except OSError as error:
            raise _failed(error) from None
        try:
            found = _BootFile.from_bytes(data)
        except Refusal as refusal:
            raise Refusal(Code.BOOT_CONTROL_FAILED, refusal.detail) from None
        banks = {**dict.fromkeys(self._slots, 0), **_banks(found.banks)}
        previous = None if found.previous is None else {**banks, **_banks(found.previous)}
        return BootState(banks, previous, found.tries, found.booted)

    def try_banks(self, banks: Mapping[str, int], tries: int) -> None:
        now = self.state().running
        self._write(BootState({**now, **banks}, now, tries))

    def boot(self) -> BootState:
        state = self.state()
        if state.tries is not None:
            state = BootState(state.banks, state.previous, max(state.tries - 1, 0), booted=True)
            self._write(state)
        return state

    def confirm(self) -> None:
        state = self.state()
        if state.on_trial:
            self._write(BootState(state.banks, state.previous))

    def fall_back(self) -> None:
        state = self.state()
        if state.previous is not None:
            self._write(BootState(state.previous))

    def _write(self, state: BootState) -> None:
        previous = None if state.previous is None else _switches(state.previous)
        made = _BootFile(
            banks=_switches(state.banks), previous=previous, tries=state.tries, booted=state.booted
        )
        try:
            self._storage.replace(self._path, made.to_bytes())
        except OSError as error:
            raise _failed(error) from None


def _switches(banks: Mapping[str, int]) -> tuple[_Switch, ...]:
    return tuple(_Switch(slot=slot, bank=bank) for slot, bank in sorted(banks.items()))


def _banks(switches: tuple[_Switch, ...]) -> dict[str, int]:
    return {switch.slot: switch.bank for switch in switches}


def _failed(error: OSError) -> Refusal:
    return Refusal(Code.BOOT_CONTROL_FAILED, f"the boot control file: {os.strerror(error.errno or 0)}")
