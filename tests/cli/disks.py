"""A box on a disk of its own: small, so that it can be filled, and remounted for reading only. Needs root."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.tools import require, require_root

_SIZE = 48 * 1024 * 1024
_FILLER = "filler"


@contextmanager
def disk_of(folder: Path, size: int = _SIZE) -> Iterator[Path]:
    """Put a folder onto a file system of its own, mounted in its place."""
    require_root()
    moved = folder.with_name(f"{folder.name}.moved")
    folder.rename(moved)
    folder.mkdir(mode=0o700)
    _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "updatebox-test", folder)
    try:
        shutil.copytree(moved, folder, symlinks=True, dirs_exist_ok=True)
        yield folder
    finally:
        # A keystore that still runs holds the file system; it goes with the keystore.
        _run("umount", "--lazy", folder)


def fill(folder: Path) -> None:
    """Take every byte that is free."""
    with (folder / _FILLER).open("wb", buffering=0) as file:
        for piece in (1024 * 1024, 4096):
            try:
                while True:
                    file.write(bytes(piece))
            except OSError:
                continue
    assert os.statvfs(folder).f_bavail == 0


def make_room(folder: Path) -> None:
    """Give them back."""
    (folder / _FILLER).unlink()


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nobody write there for a while."""
    _run("mount", "-o", "remount,ro", folder)
    try:
        yield
    finally:
        _run("mount", "-o", "remount,rw", folder)


def _run(program: str, *arguments: object) -> None:
    subprocess.run([require(program), *map(str, arguments)], check=True, capture_output=True)
