"""What the sources of news about media saw: not judged yet."""

from __future__ import annotations

import queue
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class DiskSeen:
    """What udev said of a disk: `sequence` differs each time a medium is put in."""

    path: Path
    present: bool
    sequence: str


@dataclass(frozen=True, slots=True)
class FolderChanged:
    """Something changed below a watched directory."""


Sightings: TypeAlias = "queue.SimpleQueue[DiskSeen | FolderChanged | None]"
"""Where sources put what they saw; None says that there is no more to come."""
