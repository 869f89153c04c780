"""`box write` and `box format` on what this machine has: nothing is touched that is no medium."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from media_format.refusal import Code
from tests.cli.loop import loop_device
from tests.cli.refusals import says
from tests.cli.workshop import Workshop, run
from tests.tools import missing, require, require_root

pytestmark = pytest.mark.serial
MIB = 1024 * 1024


def _system_disk() -> Path:
    number = os.stat("/").st_dev
    disk = Path("/dev") / Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve().name
    if not disk.is_block_device():
        missing("the root file system is on no block device")
    return disk


def _memory_disk() -> Path:
    disk = Path("/dev/zram0")
    if not disk.is_block_device():
        missing("there is no zram device")
    return disk


def _write(shop: Workshop, disk: Path) -> tuple[object, ...]:
    return "box", "write", shop.box, disk, "--device", "PUMP-1", *shop.pin()


def _format(shop: Workshop, disk: Path) -> tuple[object, ...]:
    return "box", "format", shop.box, disk, "--yes"


Verb = Callable[[Workshop, Path], tuple[object, ...]]
verbs = pytest.mark.parametrize("verb", [_write, _format])


@verbs
def test_the_disk_that_the_system_runs_from(delivered: Workshop, verb: Verb) -> None:
    said = says(run(*verb(delivered, _system_disk()), "--json"), Code.MEDIUM_BUSY)
    assert "the system runs from it" in said["detail"] or "part of" in said["detail"]


@verbs
def test_a_disk_that_is_not_removable(delivered: Workshop, verb: Verb) -> None:
    said = says(run(*verb(delivered, _memory_disk()), "--json"), Code.MEDIUM_BUSY)
    assert "not on a bus for removable media" in said["detail"] or "swap" in said["detail"]


@verbs
def test_a_loop_device_of_the_system(delivered: Workshop, verb: Verb) -> None:
    before = delivered.stick.read_bytes()
    with loop_device(delivered.stick) as device:
        said = says(run(*verb(delivered, device), "--json"), Code.MEDIUM_BUSY)
    assert "the configuration does not name" in said["detail"]
    assert delivered.stick.read_bytes() == before


@verbs
def test_a_medium_that_is_mounted(delivered: Workshop, verb: Verb) -> None:
    image = delivered.folder / "mounted.img"
    with image.open("xb") as file:
        file.truncate(32 * MIB)
    with loop_device(image) as device:
        _name(delivered, device)
        _do("mkfs.ext4", "-q", str(device))
        with _mounted(device, delivered.folder / "point") as point:
            (point / "letter.txt").write_text("dear friend\n")
            said = says(run(*verb(delivered, device), "--json"), Code.MEDIUM_BUSY)
            assert (point / "letter.txt").read_text() == "dear friend\n"
        assert f"mounted at {point}" in said["detail"]
        _do("e2fsck", "-n", "-f", str(device))


def test_a_named_loop_device_is_formatted_and_the_ledger_says_so(delivered: Workshop) -> None:
    image = delivered.folder / "new.img"
    with image.open("xb") as file:
        file.truncate(100 * MIB)
    with loop_device(image) as device:
        _name(delivered, device)
        found = delivered.do("box", "format", delivered.box, device, "--yes", "--label", "BAY-1")["medium"]
        assert (found["kind"], found["label"], found["check"]) == ("fat32", "BAY-1", "quick")
        assert delivered.do("box", "media", delivered.box, device)["medium"]["volume"]["label"] == "BAY-1"
    entry = delivered.do("box", "ledger", delivered.box)["entries"][0]
    assert entry["act"] == "format" and str(device) in entry["detail"]


@contextmanager
def _full_behind_its_image(folder: Path) -> Iterator[Path]:
    """An image of 200 MiB on a file system of 24 MiB: what it cannot keep is lost, as on a fake stick."""
    require_root()
    folder.mkdir()
    _do("mount", "-t", "tmpfs", "-o", "size=24m", "none", str(folder))
    try:
        with (folder / "cheap.img").open("xb") as file:
            file.truncate(200 * MIB)
        yield folder / "cheap.img"
    finally:
        _do("umount", "--lazy", str(folder))  # the kernel may still be busy with what it cannot keep


def test_a_device_that_loses_what_is_written_behind_its_real_end(delivered: Workshop) -> None:
    with _full_behind_its_image(delivered.folder / "cheap") as image:
        with image.open("r+b") as file:
            file.seek(24 * MIB - 200 * 1024)
            file.write(bytes(1))  # the file system is all but full before anything is checked
            os.posix_fallocate(file.fileno(), 0, 20 * MIB)
        with loop_device(image) as device:
            _name(delivered, device)
            says(run(*_format(delivered, device), "--json"), Code.MEDIUM_FAKE_CAPACITY)


def test_nobody_is_asked_twice_and_without_a_person_nothing_is_lost(delivered: Workshop) -> None:
    before = delivered.stick.read_bytes()
    said = run("box", "format", delivered.box, delivered.stick, "--image")
    assert said.status == 2 and "--yes" in said.err
    assert delivered.stick.read_bytes() == before


@contextmanager
def _mounted(device: Path, point: Path) -> Iterator[Path]:
    point.mkdir()
    _do("mount", str(device), str(point))
    try:
        yield point
    finally:
        _do("umount", str(point))


def _name(shop: Workshop, loop: Path) -> None:
    """Name the loop device in the box's configuration: it stands for a stick."""
    path = shop.box / "box.toml"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("loops")]
    path.write_text("\n".join([*kept, f'loops = ["{loop}"]\n']))


def _do(program: str, *arguments: str) -> None:
    done = subprocess.run([require(program), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
