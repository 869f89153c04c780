"""Real block devices for tests: loop devices over image files."""

from __future__ import annotations

import fcntl
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.tools import require, require_root

_BLKSSZGET: Final = 0x1268
_BLKBSZGET: Final = 0x80081270


@contextmanager
def loop_device(image: Path, *options: str) -> Iterator[Path]:
    """The image as a block device, until the context ends."""
    require_root()
    losetup = require("losetup")
    done = run(losetup, "--find", "--show", *options, str(image))
    device = Path(done.stdout.strip())
    try:
        _settle(device)
        yield device
    finally:
        run(losetup, "--detach", str(device))


def _settle(device: Path) -> None:
    """Wait until the device's blocks are as large as its sectors.

    The kernel sees to that when a device is opened that nobody has open. udev opens a new one at once, and
    losetup sets the sectors' size after that: what is written then is lost.
    """
    deadline = time.monotonic() + 30
    while True:
        with device.open("rb") as opened:
            sector, block = (_ask(opened.fileno(), request) for request in (_BLKSSZGET, _BLKBSZGET))
        if block >= sector:
            return
        assert time.monotonic() < deadline, f"{device} has blocks of {block} bytes and sectors of {sector}"
        subprocess.run([require("udevadm"), "settle", "--timeout=5"], check=False)


def _ask(descriptor: int, request: int) -> int:
    return int(struct.unpack("i", fcntl.ioctl(descriptor, request, bytes(8))[:4])[0])


def empty_image(path: Path, size: int) -> Path:
    """A sparse file of `size` bytes."""
    with path.open("xb") as file:
        file.truncate(size)
    return path


def fat_image(path: Path, size: int, *options: str) -> Path:
    """A sparse file with a FAT volume made by mkfs.fat."""
    run(require("mkfs.fat"), *options, str(empty_image(path, size)))
    return path


def run(*command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, input=stdin, timeout=60, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done
