"""What a test needs from the machine: programs, root, udev. Absent, the test skips; under CI it fails."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

REQUIRE_ALL = "UPDATEBOX_REQUIRE_ALL"
"""Set to 1 by `.ci/run`: nothing may be left out."""

_SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_UDEV_CONTROL = Path("/run/udev/control")
_CACHE = Path(__file__).parent.parent / ".cache"
"""What `scripts/prepare test` unpacked."""


def require(tool: str) -> str:
    """Return the path of a program, such as ``mkfs.fat``; a user's PATH need not name the system folders."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_SYSTEM_FOLDERS))
    found = shutil.which(tool, path=path)
    if found is None:
        missing(f"{tool} is not installed (`make test` as root installs it)")
    return found


def require_root() -> None:
    """Loop devices, foreign uids and slots need root."""
    if os.geteuid() != 0:
        missing("this test needs root")


def require_udevd() -> None:
    """Device events reach a process only where systemd-udevd runs."""
    require("udevadm")
    if not _UDEV_CONTROL.exists():
        missing("systemd-udevd is not running (scripts/start-udevd starts it)")


def require_firmware(name: str) -> Path:
    """Return a real firmware file that `scripts/prepare test` unpacked: ``vmlinuz`` or ``u-boot.bin``."""
    return _prepared(_CACHE / "real-firmware" / name)


def require_gpsfake() -> Path:
    """Return gpsfake, which plays a satellite receiver to the system's gpsd."""
    require("gpsd")
    return _prepared(_CACHE / "gpsfake" / "gpsfake")


def _prepared(path: Path) -> Path:
    if not path.is_file():
        missing(f"{path} is absent (scripts/prepare test downloads it)")
    return path


def missing(what: str) -> NoReturn:
    """Leave this test out, or fail it where nothing may be left out."""
    if os.environ.get(REQUIRE_ALL) == "1":
        pytest.fail(f"{REQUIRE_ALL}=1 and {what}")
    pytest.skip(what)
