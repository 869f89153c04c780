"""Ports for media: loop devices that are made for one test, so that no other program's are in the way."""

from __future__ import annotations

import fcntl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.tools import require, require_root, require_udevd

_LOOP_CTL_ADD = 0x4C80
_LOOP_CTL_REMOVE = 0x4C81
_FIRST = 4000
"""Far from the numbers that losetup --find hands out."""
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Port:
    """A loop device of our own: plugging in attaches an image, pulling out detaches it."""

    device: Path

    def plug_in(self, image: Path) -> None:
        """Attach an image. What was pulled out before leaves when its last reader has let go of it."""
        deadline = time.monotonic() + _PATIENCE
        while _losetup(str(self.device), str(image), check=time.monotonic() > deadline):
            _settle()

    def pull_out(self) -> None:
        _losetup("--detach", str(self.device))


@contextmanager
def port() -> Iterator[Port]:
    """A port that is there for as long as the context lasts; udev tells of what is plugged in."""
    require_root()
    require_udevd()
    with open("/dev/loop-control", "rb") as control:
        number = _add(control.fileno())
        made = Port(Path(f"/dev/loop{number}"))
        try:
            _settle()
            yield made
        finally:
            _losetup("--detach", str(made.device), check=False)
            _settle()
            fcntl.ioctl(control, _LOOP_CTL_REMOVE, number)


def _add(control: int) -> int:
    for number in range(_FIRST, _FIRST + 1000):
        try:
            return fcntl.ioctl(control, _LOOP_CTL_ADD, number)
        except FileExistsError:
            continue
    raise AssertionError("no number for a loop device is free")


def _losetup(*words: str, check: bool = True) -> int:
    return subprocess.run([require("losetup"), *words], check=check, capture_output=True).returncode


def _settle() -> None:
    """Return when udev has dealt with every event so far."""
    subprocess.run([require("udevadm"), "settle", f"--timeout={_PATIENCE:.0f}"], check=True)
