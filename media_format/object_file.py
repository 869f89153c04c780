"""An object as a small file of its own on a medium."""

from __future__ import annotations

from contextlib import suppress

from media_format.refusal import Refusal
from media_format.volume.seam import Volume


def write_object(volume: Volume, path: str, data: bytes) -> None:
    """Write a small file that is not there yet, or nothing. Misuse where it is there, Refusal(medium-*)."""
    ticket = volume.begin(path, len(data))
    try:
        volume.append(ticket, data)
        volume.commit(ticket)
    except BaseException:
        with suppress(Refusal):  # a medium that was pulled cannot be tidied, and the first reason counts
            volume.discard(ticket)
        raise
