"""Every hostile image ends in a refusal or a correct read, soon and in little memory, in the courier."""

from __future__ import annotations

import time
from collections import deque
from pathlib import Path

import pytest

from appliance.media.courier.client import CourierVolume
from appliance.media.courier.link import Link
from media_format.refusal import Code, Refusal
from tests.media.couriers import courier
from tests.media.hostile import HOSTILE, cut_short, hostile, large

MIB = 1024 * 1024
SECONDS = 2.0
MEMORY = 64 * MIB
MOST_FOLDERS = 40


def resident(link: Link, field: str = "VmHWM") -> int:
    """What the kernel says of the courier's memory; the highest so far unless `field` says otherwise."""
    lines = Path(f"/proc/{link.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) * 1024


def look_around(volume: CourierVolume) -> None:
    """What any role does with a medium and more: lists folders, reads the beginning of every file."""
    volume.info()
    folders = deque([""])
    for _ in range(MOST_FOLDERS):
        if not folders:
            return
        folder = folders.popleft()
        for entry in volume.list(folder)[:100]:
            path = f"{folder}/{entry.name}".lstrip("/")
            if entry.folder:
                folders.append(path)
            elif entry.size:
                volume.read_run(path, 0, min(entry.size, 4096))


def judge(image: Path) -> Code | None:
    """Read all of an image, held to its bounds. The code that it was refused with, if it was."""
    with courier(image, writable=False) as (started, volume):
        baseline, start = resident(started.link), time.monotonic()
        code = None
        try:
            volume.open()
            look_around(volume)
        except Refusal as refusal:
            code = refusal.code
        seconds = time.monotonic() - start
        assert not started.link.over, "the courier had to be killed"
        assert resident(started.link) - baseline < MEMORY
    assert seconds < SECONDS
    return code


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_volume_is_refused_or_read(tmp_path: Path, name: str) -> None:
    assert judge(hostile(tmp_path, name)) in (None, Code.MEDIUM_UNREADABLE)


def test_a_volume_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    assert judge(cut_short(tmp_path)) is Code.MEDIUM_UNREADABLE


def test_a_large_medium_that_leads_into_itself_is_judged_as_soon(tmp_path: Path) -> None:
    assert judge(large(tmp_path)) in (None, Code.MEDIUM_UNREADABLE)
