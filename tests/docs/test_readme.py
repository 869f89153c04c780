"""The README's first ten minutes, typed as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.docs.markdown import blocks
from tests.tools import require, require_root

MINUTES = 10


@contextmanager
def no_loop_left(image: Path) -> Iterator[None]:
    """Detach what is still attached to `image` when a command in between failed."""
    losetup = require("losetup")
    try:
        yield
    finally:
        listed = [losetup, "--noheadings", "--output", "NAME", "--associated", str(image)]
        for device in subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split():
            subprocess.run([losetup, "--detach", device], check=True)


@pytest.mark.serial
def test_every_command_works_in_order_in_an_empty_directory(tmp_path: Path) -> None:
    require_root()
    for tool in ("bash", "mkfs.fat", "mkfs.ext4"):
        require(tool)
    commands = blocks("README.md", "bash", "bash root")
    assert sum(block.count("updatebox ") for block in commands) > 30
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    with no_loop_left(tmp_path / "stick.img"):
        done = subprocess.run(
            ["bash", "-euxo", "pipefail", "-c", "\n".join(commands)],
            cwd=tmp_path,
            env={**os.environ, "PATH": programs},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60 * MINUTES,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-4000:]
