"""Firmware for the demo: real ext4 images of parts of the Python standard library, or any file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from media_format.errors import MachineFault

_SKIPPED: Final = {"site-packages", "dist-packages", "test", "tests", "__pycache__", "idlelib", "ensurepip"}
_FILL: Final = 0.6
"""How much of the image is files; the rest is the file system's and free."""
_BLOCK: Final = 4096


def require_tool(name: str, package: str) -> str:
    """The path of a program; MachineFault that names its package where it is missing."""
    found = shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin")
    if found is None:
        raise MachineFault(f"{name} is missing; install the package {package} (make demo does, as root)")
    return found


def make_images(folder: Path, size: int, versions: tuple[str, ...]) -> tuple[Path, ...]:
    """An ext4 image of `size` bytes for each version: the same files, and one that names the version."""
    tool = require_tool("mkfs.ext4", "e2fsprogs")
    content = folder / "files"
    (content / "etc").mkdir(parents=True)
    _copy_library(content / "usr/lib/python", int(size * _FILL))
    images = _paths(folder, versions)
    for image, version in zip(images, versions, strict=True):
        (content / "etc/version").write_text(f"{version}\n")
        run([tool, "-q", "-d", str(content), "-L", "firmware", str(image), f"{size // 1024}k"])
    shutil.rmtree(content)
    return images


def copy_images(folder: Path, firmware: Path, versions: tuple[str, ...]) -> tuple[Path, ...]:
    """The file `firmware` for each version, with a block at its end that names the version."""
    images = _paths(folder, versions)
    for image, version in zip(images, versions, strict=True):
        shutil.copyfile(firmware, image)
        with image.open("ab") as file:
            file.write(f"version {version}\n".encode().ljust(_BLOCK, b"\0"))
    return images


def run(command: list[str]) -> None:
    """Run a tool; MachineFault with what it said where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineFault(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()}")


def _paths(folder: Path, versions: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(folder / f"rootfs-{version}.img" for version in versions)


def _copy_library(target: Path, limit: int) -> None:
    """Copy modules into `target` until they fill `limit` bytes of blocks."""
    library = Path(sysconfig.get_path("stdlib"))
    used = 0
    for source in _modules(library):
        size = -(-source.stat().st_size // _BLOCK) * _BLOCK
        if used + size > limit:
            continue
        place = target / source.relative_to(library)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, place)
        used += size


def _modules(library: Path) -> Iterator[Path]:
    """The library's modules in a fixed order."""
    for folder, folders, files in os.walk(library):
        folders[:] = sorted(set(folders) - _SKIPPED)
        yield from (Path(folder, name) for name in sorted(files) if name.endswith((".py", ".so")))
