"""The directory that a release is written into, to be carried to boxes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from media_format.errors import Misuse
from media_format.volume import Volume, open_volume


@contextmanager
def release_folder(out: Path) -> Iterator[Volume]:
    """Make the directory where it is missing, and open it. Misuse where something else is there."""
    if out.exists() and not out.is_dir():
        raise Misuse(f"{out} is no directory; releases are written into one")
    out.mkdir(parents=True, exist_ok=True)
    with closing(open_volume(out, writable=True)) as volume:
        yield volume
