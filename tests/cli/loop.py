"""Loop devices: a stick's image behind a block device of its own. Needs root."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.tools import require, require_root


@contextmanager
def loop_device(image: Path, *, read_only: bool = False) -> Iterator[Path]:
    """Attach an image; detached at the end whatever happened."""
    require_root()
    losetup = require("losetup")
    options = ["--read-only"] if read_only else []
    found = subprocess.run(
        [losetup, "--find", "--show", *options, str(image)], check=True, capture_output=True, text=True
    )
    device = Path(found.stdout.strip())
    try:
        yield device
    finally:
        subprocess.run([losetup, "--detach", str(device)], check=True)
