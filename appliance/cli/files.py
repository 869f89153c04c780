"""Reading the files that a person names."""

from __future__ import annotations

from pathlib import Path

from media_format.errors import Misuse


def read_file(path: Path, limit: int) -> bytes:
    """A whole file of at most `limit` bytes; Misuse that names it otherwise."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise Misuse(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > limit:
        raise Misuse(f"{path} is larger than such a file ever is ({limit} bytes)")
    return data
