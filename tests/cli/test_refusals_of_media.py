"""Media that cannot be read, are full, protected, in use or pulled."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from media_format import layout
from media_format.refusal import Code
from tests.cli import attacker
from tests.cli.loop import loop_device
from tests.cli.refusals import box_refuses, device_refuses, says
from tests.cli.state import device_state
from tests.cli.workshop import Workshop, mounted, package_on, put, run, run_program


@pytest.mark.parametrize("content", [bytes(64 * 1024), os.urandom(64 * 1024)], ids=["zeros", "noise"])
def test_a_stick_that_is_not_formatted_cannot_be_read(delivered: Workshop, content: bytes) -> None:
    delivered.stick.write_bytes(content)
    device_refuses(delivered, Code.MEDIUM_UNREADABLE)
    box_refuses(delivered, Code.MEDIUM_UNREADABLE, "admit", delivered.box, delivered.stick)


def test_a_stick_that_is_too_small_is_refused_before_anything_is_written(delivered: Workshop) -> None:
    small = delivered.fresh_stick("small.img", 256 * 1024)
    write = ("write", delivered.box, small, "--device", "PUMP-1", *delivered.pin())
    box_refuses(delivered, Code.MEDIUM_FULL, *write, medium=small)


def test_a_full_stick_takes_no_request(enrolled: Workshop) -> None:
    with mounted(enrolled.stick) as volume:
        put(volume, "FILM.MP4", bytes(volume.info().free))
    before = enrolled.stick.read_bytes()
    says(run("device", "request", enrolled.device, enrolled.stick, "--json"), Code.MEDIUM_FULL)
    assert enrolled.stick.read_bytes() == before


@pytest.mark.serial
def test_a_write_protected_stick_is_not_written(delivered: Workshop) -> None:
    with loop_device(delivered.stick, read_only=True) as device:
        _allow_loop(delivered, device)
        write = ("write", delivered.box, device, "--device", "PUMP-1", *delivered.pin())
        box_refuses(delivered, Code.MEDIUM_WRITE_PROTECTED, *write)
        device_refuses(delivered, Code.MEDIUM_WRITE_PROTECTED, medium=device)


@pytest.mark.serial
def test_a_disk_that_is_no_medium_is_not_touched(delivered: Workshop) -> None:
    with loop_device(delivered.stick) as disk:
        before = delivered.stick.read_bytes()
        write = ("write", delivered.box, disk, "--device", "PUMP-1", *delivered.pin())
        box_refuses(delivered, Code.MEDIUM_BUSY, *write)
        device_refuses(delivered, Code.MEDIUM_BUSY, medium=disk)
        assert delivered.stick.read_bytes() == before


def test_an_image_file_that_another_program_writes_is_not_written(delivered: Workshop) -> None:
    write = ("write", delivered.box, delivered.stick, "--device", "PUMP-1", *delivered.pin())
    with in_use(delivered.stick):
        box_refuses(delivered, Code.MEDIUM_BUSY, *write)
        device_refuses(delivered, Code.MEDIUM_BUSY)
    delivered.do("box", *write)


def test_a_directory_that_another_program_writes_is_not_written(delivered: Workshop) -> None:
    folder = delivered.folder / "mounted"
    folder.mkdir()
    delivered.ask(medium=folder)
    write = ("write", delivered.box, folder, "--device", "PUMP-1", *delivered.pin())
    with in_use(folder):
        begun = folder / "UPDATEBX/PACKAGES/0000BEEF/MANIFEST.CBR"
        begun.parent.mkdir(parents=True)
        begun.write_bytes(b"what the other one has written so far")
        says(run("box", *write, "--json"), Code.MEDIUM_BUSY)
        says(run("device", "apply", delivered.device, folder, "--json"), Code.MEDIUM_BUSY)
        assert begun.exists()
    delivered.do("box", *write)


@contextmanager
def in_use(medium: Path) -> Iterator[None]:
    """A box that is about to write to a medium, in another process."""
    held = (
        "import sys\nfrom pathlib import Path\nfrom appliance.media import open_medium\n"
        "volume = open_medium(Path(sys.argv[1]), writable=True)\nprint('held', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", held, str(medium)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        yield
        other.communicate(timeout=60)


@pytest.mark.serial
def test_a_stick_pulled_while_it_is_read_leaves_what_runs_alone(running: Workshop) -> None:
    running.write()
    with loop_device(running.stick) as device:
        _allow_loop(running, device)
        with mounted(running.stick) as volume:
            payload = volume.read_run(f"{package_on(volume)}/{layout.segment(0)}", 0, 64)
        os.truncate(running.stick, running.stick.read_bytes().index(payload))
        device_refuses(running, Code.MEDIUM_PULLED, medium=device, streamed=True)


def test_a_stick_that_holds_less_than_it_claims_is_not_formatted(enrolled: Workshop) -> None:
    stick = enrolled.folder / "cheap.img"
    with stick.open("xb") as image:
        image.truncate(64 * 1024 * 1024)
    with attacker.wrapping_media(real=24 * 1024 * 1024):
        arguments = ("format", enrolled.box, stick, "--image", "--yes")
        box_refuses(enrolled, Code.MEDIUM_FAKE_CAPACITY, *arguments, medium=stick)


def test_the_program_ends_with_4_where_the_medium_is_the_reason(delivered: Workshop) -> None:
    delivered.stick.write_bytes(bytes(64 * 1024))
    before = device_state(delivered.device)
    said = run_program("device", "apply", delivered.device, delivered.stick, "--json")
    says(said, Code.MEDIUM_UNREADABLE)
    assert device_state(delivered.device) == before


def _allow_loop(shop: Workshop, loop: Path) -> None:
    """Name the loop device in both configurations: it stands for a stick."""
    for path in (shop.device / "device.toml", shop.box / "box.toml"):
        text = path.read_text()
        assert "loops = []" in text
        path.write_text(text.replace("loops = []", f'loops = ["{loop}"]'))
