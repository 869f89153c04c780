"""Real block devices for tests: loop devices over image files."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.tools import require, require_root


@contextmanager
def loop_device(image: Path, *options: str) -> Iterator[Path]:
    """The image as a block device, until the context ends."""
    require_root()
    losetup = require("losetup")
    done = run(losetup, "--find", "--show", *options, str(image))
    device = Path(done.stdout.strip())
    try:
        yield device
    finally:
        run(losetup, "--detach", str(device))


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
