"""The configuration: device.toml, read into a frozen value. Unknown keys are errors that name them."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from appliance.device.record import check_banks
from appliance.device.slots import Bank
from appliance.trust.time_sources import check_sources
from media_format import limits
from media_format.errors import Misuse
from media_format.objects import DeviceKind
from media_format.refusal import Refusal
from media_format.wire import Text

FILE_NAME: Final = "device.toml"
DEFAULT_LARGEST_CHUNK: Final = limits.MIB
DEFAULT_TRIES: Final = 3
MAX_SLOTS: Final = 64
"""A request tells of both banks of each, so that a box knows what fits."""
_SHORT: Final = Text(64)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """What `watch` looks at: udev's block devices, directories, and loop devices that count as media."""

    udev: bool = True
    directories: tuple[Path, ...] = ()
    loops: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceConfiguration:
    """Who the device is and what it consists of. Relative paths are relative to the device's directory.

    `slots` gives each slot its two banks: files or block devices. `largest_chunk` is the largest
    plaintext chunk in bytes the device has memory for, `boot_tries` how often a new release may boot
    before it is confirmed, `reuse` whether it takes from what runs the chunks that a new release shares.
    """

    id: str
    product: str
    line: str
    hardware: str
    slots: Mapping[str, tuple[Path, Path]]
    epoch: int = 1
    tpm: str = "soft:tpm"
    time_sources: tuple[str, ...] = ("development",)
    boot_control: str = "file"
    boot_tries: int = DEFAULT_TRIES
    largest_chunk: int = DEFAULT_LARGEST_CHUNK
    reuse: bool = True
    watch: WatchSettings = field(default_factory=WatchSettings)

    def __post_init__(self) -> None:
        for name in ("id", "product", "line", "hardware"):
            _check_text(name, getattr(self, name))
        if not self.slots:
            raise Misuse("slots: a device needs at least one slot")
        if len(self.slots) > MAX_SLOTS:
            raise Misuse(f"slots: a device has at most {MAX_SLOTS}")
        for slot, banks in self.slots.items():
            _check_text("slots", slot)
            if banks[0] == banks[1]:
                raise Misuse(f"slots.{slot}: both banks are {banks[0]}")
        check_banks(
            [Bank(slot, at, path).name for slot in self.slots for at, path in enumerate(self.slots[slot])]
        )
        check_sources(self.time_sources)
        _check_range("epoch", self.epoch, 0, 2**32 - 1)
        _check_range("boot_tries", self.boot_tries, 1, 100)
        _check_range("largest_chunk", self.largest_chunk, limits.MIN_CHUNK_SIZE, limits.MAX_CHUNK_SIZE)

    @property
    def kind(self) -> DeviceKind:
        """What the device is, as certificates and requests say it."""
        return DeviceKind(product=self.product, line=self.line, hardware=self.hardware)

    def to_toml(self) -> str:
        """The text of device.toml."""
        lines = [f"{name} = {json.dumps(getattr(self, name), ensure_ascii=False)}" for name in _PLAIN]
        lines += ["", "[slots]"]
        lines += [f"{_quoted(slot)} = {_paths(banks)}" for slot, banks in self.slots.items()]
        lines += ["", "[watch]", f"udev = {json.dumps(self.watch.udev)}"]
        lines += [
            f"directories = {_paths(self.watch.directories)}",
            f"loops = {_paths(self.watch.loops)}",
            "",
        ]
        return "\n".join(lines)


_PLAIN: Final[Mapping[str, type]] = {
    "id": str,
    "product": str,
    "line": str,
    "hardware": str,
    "epoch": int,
    "tpm": str,
    "time_sources": list,
    "boot_control": str,
    "boot_tries": int,
    "largest_chunk": int,
    "reuse": bool,
}


def read_configuration(text: str) -> DeviceConfiguration:
    """The configuration in the text of a device.toml.

    Misuse names the key that is wrong, unknown or missing.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misuse(f"{FILE_NAME} is not TOML: {error}") from None
    values: dict[str, Any] = {
        name: _take(found, name, kind) for name, kind in _PLAIN.items() if name in found
    }
    if "time_sources" in values:
        values["time_sources"] = _texts(values["time_sources"], "time_sources")
    slots = _take(found, "slots", dict) if "slots" in found else {}
    watch = _take(found, "watch", dict) if "watch" in found else {}
    missing = [name for name in ("id", "product", "line", "hardware") if name not in values]
    if missing:
        raise Misuse(f"{FILE_NAME}: {', '.join(missing)} missing")
    if found:
        raise Misuse(f"{FILE_NAME}: unknown key {min(found)}")
    return DeviceConfiguration(**values, slots=_banks(slots), watch=_watch(watch))


def _banks(slots: dict[str, Any]) -> dict[str, tuple[Path, Path]]:
    banks: dict[str, tuple[Path, Path]] = {}
    for slot, value in slots.items():
        paths = _texts(value, f"slots.{slot}")
        if len(paths) != 2:
            raise Misuse(f"slots.{slot}: a slot has two banks, not {len(paths)}")
        banks[slot] = (Path(paths[0]), Path(paths[1]))
    return banks


def _watch(found: dict[str, Any]) -> WatchSettings:
    udev = _take(found, "udev", bool) if "udev" in found else True
    folders, loops = (
        tuple(map(Path, _texts(found.pop(name, []), f"watch.{name}"))) for name in ("directories", "loops")
    )
    if found:
        raise Misuse(f"{FILE_NAME}: unknown key watch.{min(found)}")
    return WatchSettings(udev, folders, loops)


def _take(found: dict[str, Any], name: str, kind: type[T]) -> T:
    value = found.pop(name)
    if type(value) is not kind:
        raise Misuse(f"{FILE_NAME}: {name} must be of type {kind.__name__}")
    return value


def _texts(value: object, name: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Misuse(f"{FILE_NAME}: {name} must be a list of texts")
    return tuple(value)


def _check_text(name: str, value: str) -> None:
    try:
        _SHORT.decode(value, name)
    except Refusal as refusal:
        raise Misuse(refusal.detail) from None


def _check_range(name: str, value: int, minimum: int, maximum: int) -> None:
    if not minimum <= value <= maximum:
        raise Misuse(f"{name}: {value} is not between {minimum} and {maximum}")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _paths(paths: tuple[Path, ...]) -> str:
    return f"[{', '.join(_quoted(str(path)) for path in paths)}]"
