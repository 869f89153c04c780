"""Measure `box write` against a pipe of well-known tools, in the same run: `make bench-seal`.

The pipe takes a file that is sealed for the box, seals it for a device and puts it on a stick:
`age -d | age -r | mcopy`, fsync, the page cache dropped, `mcopy | openssl dgst -sha256`. It parses no
request, checks no signature and compares its digest with nothing; `box write` is the whole command. Both
write to a loop device with direct I/O that was formatted a moment ago, and read their source from the page
cache. Ways alternate; of several rounds the median counts. Processor time is that of all processes a way
starts, also those that outlive it. Exits with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from tests.system.memory import measured
from tests.system.workshop import PRODUCT, Workshop, answer
from tests.tools import require

_MIB: Final = 1024 * 1024
_PR_SET_CHILD_SUBREAPER: Final = 36
_UNIT: Final = 64 * 1024
_DEVICES: Final = tuple(f"monitor-{number}" for number in range(1, 11))

_OF_ONE: Final = 1.15
_MEMORY: Final = 128 * _MIB


@dataclass(slots=True)
class Runs:
    """What one way took, round by round, in seconds."""

    wall: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def take(self, action: Callable[[], object]) -> None:
        """Do it once. Returns when all processes that it left behind have ended, too."""
        before, began = _processor(), time.perf_counter()
        action()
        self.wall.append(time.perf_counter() - began)
        with suppress(ChildProcessError):
            while True:
                os.wait()
        self.processor.append(_processor() - before)

    @property
    def median(self) -> tuple[float, float]:
        """Wall time and processor time."""
        return statistics.median(self.wall), statistics.median(self.processor)


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _shell(script: str) -> None:
    subprocess.run(["bash", "-o", "pipefail", "-ec", script], check=True, capture_output=True)


@contextmanager
def _stick(folder: Path, size: int) -> Iterator[Path]:
    """A loop device with direct I/O over a file that has its blocks already."""
    image = folder / "stick.img"
    with image.open("wb") as file:
        for _ in range(0, size, _MIB):
            file.write(bytes(_MIB))
        os.fsync(file.fileno())
    device = Path(_run("losetup", "--find", "--show", "--direct-io=on", image).strip())
    try:
        yield device
    finally:
        _run("losetup", "--detach", device)
        image.unlink()


def _format(device: Path) -> None:
    _run(require("mkfs.fat"), device)


class Bench:
    """A vendor, a box and devices that have asked, and images of `size` bytes."""

    def __init__(self, folder: Path, size: int, small: int) -> None:
        self.workshop = Workshop(folder)
        self.size = size
        self._slot = max(size, small)
        self._releases: dict[str, str] = {}
        self._enrol()
        self._take("random", size, 1)
        self._take("half", size, 2)
        self._take("small", small, 1)

    def _enrol(self) -> None:
        shop = self.workshop
        shop.enrol(["rootfs"], _MIB)
        medium = shop.path("requests")
        medium.mkdir()
        for name in _DEVICES:
            kind = ("--id", name, "--product", PRODUCT, "--hardware", "rev-c", "--slot-size", self._slot)
            shop.at_home(
                "device", "init", name, *kind, "--slot", "rootfs=a,b", "--tpm", "soft-in-process:tpm"
            )
            request = ("--csr", f"{name}/enrolment.req", "--out", f"{name}.pem")
            shop.at_home("vendor", "enrol", "device", "vendor", *request, *shop.passphrase())
            shop.at_home("device", "certs", name, "--install", f"{name}.pem")
            shop.at_home("device", "request", name, medium)
        shop.at_home("box", "admit", "box", medium)

    def _take(self, name: str, size: int, parts: int) -> None:
        """A release of bytes of which one of so many parts is random, the rest zeros; sealed with age too."""
        shop, image = self.workshop, self.workshop.path(name)
        with image.open("wb") as file:
            for _ in range(size // _UNIT):
                file.write(os.urandom(_UNIT // parts).ljust(_UNIT, b"-"))
        shop.release(f"1.{len(self._releases)}", {"rootfs": image})
        found = shop.at_home("box", "releases", "box")["releases"]
        known = set(self._releases.values())
        (self._releases[name],) = [
            entry["manifest_digest"] for entry in found if entry["manifest_digest"] not in known
        ]
        age = require("age-keygen")
        if not shop.path("box.age").exists():
            for key in ("box.age", "device.age"):
                _run(age, "-o", shop.path(key))
        to_box = _run(age, "-y", shop.path("box.age")).strip()
        _run(require("age"), "-r", to_box, "-o", shop.path(f"{name}.sealed"), image)
        image.unlink()

    def let(self, device: Path) -> None:
        """The box may use the loop device."""
        path = self.workshop.path("box/box.toml")
        lines = [line for line in path.read_text().splitlines() if not line.startswith("loops")]
        path.write_text("\n".join([f'loops = ["{device}"]', *lines]) + "\n")

    def warm(self) -> None:
        """What either way reads stands in the page cache."""
        _shell(f"cat {self.workshop.folder}/*.sealed {self.workshop.path('box')}/packages/*/* >/dev/null")

    def command(self, name: str, device: Path, ids: Sequence[str]) -> list[str]:
        """`box write`."""
        named = [word for one in ids for word in ("--device", one)]
        words = (
            "box",
            "write",
            "box",
            device,
            "--release",
            self._releases[name],
            *named,
            *self.workshop.pin(),
        )
        return self.workshop.command(*words)

    def box_write(self, name: str, device: Path, ids: Sequence[str]) -> None:
        """Seal for devices with the box."""
        answer(subprocess.run(self.command(name, device, ids), **self.workshop.plainly()))

    def pipe(self, name: str, device: Path) -> None:
        """Seal for one device with the pipe."""
        path = self.workshop.path
        to_device = next(
            line.split()[-1] for line in path("device.age").read_text().splitlines() if "public key" in line
        )
        sealed = f"age -d -i {path('box.age')} {path(name)}.sealed | age -r {to_device}"
        _shell(f"{sealed} | mcopy -i {device} - ::PAYLOAD.AGE")
        fd = os.open(device, os.O_RDWR)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)
        _shell(f"mcopy -i {device} ::PAYLOAD.AGE - | openssl dgst -sha256")


def _line(name: str, runs: Runs) -> tuple[float, float]:
    wall, processor = runs.median
    print(f"{name:44} {wall:6.2f} s wall {processor:6.2f} s processor", flush=True)
    return wall, processor


def against_the_pipe(bench: Bench, device: Path, rounds: int, name: str) -> tuple[float, float]:
    """Print what both took for one release; the box's share of the pipe's time, wall and processor."""
    box, pipe = Runs(), Runs()
    for _ in range(rounds):
        for runs, way in (
            (box, partial(bench.box_write, name, device, _DEVICES[:1])),
            (pipe, partial(bench.pipe, name, device)),
        ):
            _format(device)
            bench.warm()
            runs.take(way)
    size = f"{bench.size // _MIB} MiB, {name}"
    ours, theirs = _line(f"box write: {size}", box), _line(f"pipe:      {size}", pipe)
    return ours[0] / theirs[0], ours[1] / theirs[1]


def many_on_one_stick(bench: Bench, device: Path, rounds: int, size: int) -> float:
    """Print what one device and ten took; the share for each of the ten of what the one took."""
    one, ten = Runs(), Runs()
    for _ in range(rounds):
        for runs, ids in ((one, _DEVICES[:1]), (ten, _DEVICES)):
            _format(device)
            bench.warm()
            runs.take(partial(bench.box_write, "small", device, ids))
    name = f"{size // _MIB} MiB, random, for"
    alone, together = (
        _line(f"box write: {name} one device", one),
        _line(f"box write: {name} ten devices", ten),
    )
    return together[0] / len(_DEVICES) / alone[0]


def memory(bench: Bench, device: Path) -> int:
    """The most anonymous memory of all processes of `box write`, in bytes."""
    _format(device)
    found = measured(bench.command("random", device, _DEVICES[:1]), bench.workshop.folder)
    answer(found.done)
    return found.peak


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--size", type=int, default=1024, help="MiB of the releases (default: 1024)")
    options.add_argument(
        "--small", type=int, default=256, help="MiB of the one for ten devices (default: 256)"
    )
    options.add_argument("--rounds", type=int, default=3, help="of which the median counts (default: 3)")
    options.add_argument("--folder", type=Path, help="where everything is made (default: the system's)")
    chosen = options.parse_args()
    # A keystore outlives the command that started it: its processor time counts, too.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    size, small = chosen.size * _MIB, chosen.small * _MIB
    room = max(size, small * len(_DEVICES)) + 128 * _MIB
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name, _stick(Path(name), room) as device:
        bench = Bench(Path(name), size, small)
        bench.let(device)
        random = against_the_pipe(bench, device, chosen.rounds, "random")
        half = against_the_pipe(bench, device, chosen.rounds, "half")
        ten = many_on_one_stick(bench, device, chosen.rounds, small)
        peak = memory(bench, device)
    met = [
        _target("random: wall time, of the pipe's", random[0], 1.0),
        _target("random: processor time, of the pipe's", random[1], 1.0),
        _target("half compressible: wall time, of the pipe's", half[0], 1.0),
        _target("each of ten devices, of one alone", ten, _OF_ONE),
        _target("MiB of anonymous memory at most", peak / _MIB, _MEMORY / _MIB),
    ]
    return int(not all(met))


def _target(name: str, found: float, most: float) -> bool:
    print(f"{name:44} {found:7.2f} (at most {most:g})")
    return found <= most


if __name__ == "__main__":
    sys.exit(main())
