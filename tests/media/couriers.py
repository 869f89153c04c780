"""Couriers for tests: the real one, and programs that take its place."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.media.courier.client import CourierVolume
from appliance.media.courier.starting import COMMAND, Courier, start
from media_format.volume.descriptor import Descriptor


def program(name: str, *arguments: str) -> tuple[str, ...]:
    """A script beside this file, run as a courier is."""
    return (sys.executable, "-I", str(Path(__file__).with_name(name)), *arguments)


@contextmanager
def courier(
    image: Path, *command: str, writable: bool = True, silence: float = 30, direct: bool = True
) -> Iterator[tuple[Courier, CourierVolume]]:
    """A courier for an image that has read nothing yet, and its volume; both ended with the context."""
    disk = Descriptor.open(image, writable=writable)
    try:
        started = start(
            command or COMMAND,
            disk.handles()[: 1 + direct],
            image.name,
            disk.size,
            writable=writable,
            silence=silence,
        )
    finally:
        disk.close()
    volume = CourierVolume(started.link, started.buffer, started.confinement, disk.size)
    try:
        yield started, volume
    finally:
        volume.close()
