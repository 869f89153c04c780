"""Firmware for the demo: a real ext4 image of parts of the Python standard library."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Final

from media_format.errors import MachineFault

_SKIPPED: Final = {"site-packages", "dist-packages", "test", "tests", "__pycache__", "idlelib", "ensurepip"}
_FILL: Final = 0.6
"""How much of the image is files; the rest is the file system's and free."""


def require_tool(name: str, package: str) -> str:
    """The path of a program; MachineFault that names its package where it is missing."""
    found = shutil.which(name, path="/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin")
    if found is None:
        raise MachineFault(f"{name} is missing; install the package {package} (make demo does, as root)")
    return found


def make_image(path: Path, size: int, version: str) -> None:
    """An ext4 image of `size` bytes with the standard library and a file that names `version`."""
    tool = require_tool("mkfs.ext4", "e2fsprogs")
    content = path.with_suffix(".files")
    shutil.rmtree(content, ignore_errors=True)
    (content / "etc").mkdir(parents=True)
    (content / "etc/version").write_text(f"{version}\n")
    _copy_library(content / "usr/lib/python", int(size * _FILL))
    path.unlink(missing_ok=True)
    run([tool, "-q", "-d", str(content), "-L", "firmware", str(path), f"{size // 1024}k"])
    shutil.rmtree(content)


def run(command: list[str]) -> None:
    """Run a tool; MachineFault with what it said where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineFault(f"{Path(command[0]).name} failed: {(done.stderr or done.stdout).strip()}")


def _copy_library(target: Path, limit: int) -> None:
    library = Path(sysconfig.get_path("stdlib"))
    used = 0
    for source in sorted(library.rglob("*.py")):
        place = source.relative_to(library)
        size = source.stat().st_size
        if _SKIPPED & set(place.parts) or used + size > limit:
            continue
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target / place)
        used += size + 4096
