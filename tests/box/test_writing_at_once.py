"""Several media at once, by programs and by threads, and writes that were killed: each medium is right."""

from __future__ import annotations

import fcntl
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.box import BoxService
from media_format.package import list_packages
from media_format.progress import Progress, silent
from media_format.volume import open_volume
from media_format.volume.seam import Volume
from tests.tools import require
from tests.workshop import PIN, Box, Workshop, apply, ask, now, only, volume_in

PROGRAM = Path(sys.executable).with_name("updatebox")
PATIENCE = 60.0
KILLED = """
import os, signal, sys, time
from pathlib import Path
from appliance.box import BoxService

folder, medium, pin, phase = sys.argv[1:]
service = BoxService.open(Path(folder), now=lambda: int(time.time()))

def report(progress):
    if progress.phase == phase:
        os.kill(os.getpid(), signal.SIGKILL)

service.write(Path(medium), ("pump-1",), service.unlock("chief", pin), report)
"""
"""A program that dies in the middle of a phase of its writing."""


def asked(tmp_path: Path, *names: str) -> tuple[Workshop, Box]:
    """A box with a release for devices that have asked."""
    shop = Workshop(tmp_path)
    box, medium = shop.box(), shop.medium()
    box.take(shop.release("1.0"))
    for name in names:
        ask(shop.device(name), medium)
    box.service.admit(medium)
    return shop, box


def image(path: Path) -> Path:
    """A stick."""
    with path.open("xb") as file:
        file.truncate(4 << 20)
    subprocess.run([require("mkfs.fat"), path], check=True, capture_output=True)
    return path


def write_command(box: Box, medium: Path, device: str) -> list[str]:
    pin = box.folder.parent / "pin"
    pin.write_text(f"{PIN}\n")
    who = ("--user", "chief", "--pin-file", str(pin))
    return [str(PROGRAM), "box", "write", str(box.folder), str(medium), "--device", device, *who, "--json"]


@contextmanager
def opened(medium: Path) -> Iterator[Volume]:
    """The volume on a stick."""
    volume = open_volume(medium, writable=True)
    try:
        yield volume
    finally:
        volume.close()


def wait_until_free(medium: Path) -> None:
    """Return when nobody has a stick open to write: the courier of a program that is killed ends after it."""
    with medium.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)


def packages(medium: Path) -> int:
    """How many packages a stick holds."""
    with opened(medium) as volume:
        return len(list_packages(volume))


def acts(box: Box, act: str) -> int:
    return sum(entry.act == act for entry in box.service.ledger())


def test_two_programs_write_to_two_media_at_once(tmp_path: Path) -> None:
    shop, box = asked(tmp_path, "pump-1", "pump-2")
    media = {name: image(tmp_path / f"{name}.img") for name in ("pump-1", "pump-2")}
    running = [
        subprocess.Popen(write_command(box, medium, name), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for name, medium in media.items()
    ]
    ended = [(*process.communicate(timeout=PATIENCE), process.returncode) for process in running]
    assert [status for _, _, status in ended] == [0, 0], ended
    assert [packages(medium) for medium in media.values()] == [1, 1]
    assert (acts(box, "seal"), acts(box, "write")) == (2, 2)
    assert box.service.check_ledger().place is None
    assert shop.vendor.issued


def test_one_service_writes_to_two_media_from_two_threads(tmp_path: Path) -> None:
    shop, box = asked(tmp_path, "pump-1", "pump-2")
    both = threading.Barrier(2, timeout=PATIENCE)

    def write(name: str) -> None:
        met: list[Progress] = []

        def report(progress: Progress) -> None:
            if not met:
                met.append(progress)
                both.wait()  # broken unless both are in the middle of writing at the same time

        box.service.write(shop.medium(name), (name,), box.session, report)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, ("pump-1", "pump-2")))
    assert box.service.check_ledger().place is None
    assert acts(box, "write") == 2


def test_other_acts_go_on_while_a_medium_is_written_and_read_back(tmp_path: Path) -> None:
    shop, box = asked(tmp_path, "pump-1")
    ask(shop.device("pump-2"), shop.medium("other"))
    newer = shop.release("2.0")
    phases: set[str] = set()

    def report(progress: Progress) -> None:
        if progress.phase in phases:
            return
        phases.add(progress.phase)
        # Another program's view of the same store: a lock that is held would keep it out.
        other = BoxService.open(box.folder, now=now)
        assert other.admit(shop.medium("other"))
        other.import_release(newer.folder, box.session, silent)

    box.service.write(shop.medium(), ("pump-1",), box.session, report)
    assert {"write", "read back"} <= phases
    assert {release.version for release in box.service.releases()} == {"1.0", "2.0"}


@pytest.mark.parametrize(("phase", "left"), [("write", 0), ("read back", 1)])
def test_a_write_that_is_killed_in_its_middle_is_begun_anew(tmp_path: Path, phase: str, left: int) -> None:
    shop = Workshop(tmp_path)
    box, device = shop.box(), shop.device("pump-1")
    box.take(shop.release("1.0"))
    medium = image(tmp_path / "stick.img")
    with opened(medium) as volume:
        device.write_request(volume)
    box.service.admit(medium)

    killed = subprocess.run([sys.executable, "-c", KILLED, box.folder, medium, PIN, phase], check=False)
    assert killed.returncode == -signal.SIGKILL
    wait_until_free(medium)
    assert packages(medium) == left, "nothing that is half written is taken for whole"
    assert box.service.check_ledger().place is None
    box.service.write(medium, ("pump-1",), box.session, silent)
    assert packages(medium) == 1
    with opened(medium) as volume:
        assert only(device.apply(volume)).code is None


def test_a_package_that_was_written_beside_another_is_installed(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, medium = shop.box(), shop.medium()
    first, second = shop.device("pump-1"), shop.device("pump-2")
    box.take(shop.release("1.0"))
    for device in (first, second):
        ask(device, medium)
    box.service.admit(medium)
    media = {"pump-1": shop.medium("a"), "pump-2": shop.medium("b")}

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: box.service.write(media[name], (name,), box.session, silent), media))
    assert only(apply(first, media["pump-1"])).code is None
    assert only(apply(second, media["pump-2"])).code is None
    with volume_in(media["pump-1"]) as volume:
        assert len(list_packages(volume)) == 1
