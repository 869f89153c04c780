"""Using a hostile file system the way a box does."""

from __future__ import annotations

import time

import pytest

from media_format.refusal import Code, Refusal
from media_format.volume.fat import FatVolume
from media_format.volume.partition import find_volume
from tests.volume import images
from tests.volume.memory import Memory
from tests.volume.surgery import REQUEST

small = pytest.mark.parametrize("shape", images.SMALL, ids=str)
NAME, FOLDER, ROOT, OTHER = b"1A2B3C4DREQ", b"REQUESTS   ", b"UPDATEBX   ", b"OTHER   BIN"
SECONDS = 2.0


def _walk(volume: FatVolume, folder: str = "", depth: int = 0) -> int:
    """List every folder, as deep as anybody would look."""
    entries = volume.list(folder)
    inner = [entry.name for entry in entries if entry.folder] if depth < 5 else []
    return len(entries) + sum(_walk(volume, f"{folder}/{name}".lstrip("/"), depth + 1) for name in inner)


def _use(medium: Memory) -> bytes:
    """What a box does with a stick: look around, read the request."""
    volume = FatVolume(find_volume(medium))
    volume.info()
    _walk(volume)
    return volume.read_object(REQUEST, 1 << 20)


def answer_of(medium: Memory) -> bytes | Code:
    """What was read, or why not; in the time that there is."""
    began = time.process_time()
    try:
        read: bytes | Code = _use(medium)
    except Refusal as refusal:
        read = refusal.code
    assert time.process_time() - began < SECONDS
    return read
