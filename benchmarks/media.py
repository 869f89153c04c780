"""Measure the FAT engine against dd and mtools on the same device, in the same run: `make bench-media`.

Opening: a sparse image of 32 GiB, at clusters of 4 and of 16 KiB. Writing and reading: one file of
1 GiB on a loop device with direct I/O, past the page cache in both directions; dd does the same
without a file system. The best of several rounds counts. Exits with 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import hashlib
import mmap
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from media_format.volume import open_volume
from media_format.volume.direct import aligned_memory

_MIB: Final = 1024 * 1024
_BLOCK: Final = 4 * _MIB
_RUN: Final = _MIB
_PATH: Final = "UPDATEBX/PAYLOAD.000"

_OPEN_SECONDS: Final = 1.0
_OPEN_MIB: Final = 64.0
_OF_DD: Final = 0.8
_OF_MCOPY: Final = 2.0

_OPENING: Final = """
import sys, time
from pathlib import Path
from media_format.volume import open_volume
def peak():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
before, began = peak(), time.perf_counter()
volume = open_volume(Path(sys.argv[1]), writable=True)
opened = time.perf_counter() - began
volume.info()
print(opened, time.perf_counter() - began, (peak() - before) / 1024)
"""


@dataclass(slots=True)
class Times:
    """The best time of each way, in seconds."""

    best: dict[str, float] = field(default_factory=dict)

    def take(self, name: str, action: Callable[[], object]) -> None:
        """Do it once, and keep the time if it is the best."""
        began = time.perf_counter()
        action()
        taken = time.perf_counter() - began
        self.best[name] = min(taken, self.best.get(name, taken))


def _run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def _loop(image: Path) -> Iterator[Path]:
    device = Path(_run("losetup", "--find", "--show", "--direct-io=on", image).strip())
    try:
        yield device
    finally:
        _run("losetup", "--detach", device)


def opening(folder: Path) -> bool:
    """Print how long opening takes and how much memory; whether the targets are met."""
    met = True
    image = folder / "large.img"
    for sectors in (8, 32):
        with image.open("wb") as file:
            file.truncate(32 * 1024 * _MIB)
        _format(image, sectors)
        opened, counted, memory = map(float, _run(sys.executable, "-c", _OPENING, image).split())
        met &= counted < _OPEN_SECONDS and memory < _OPEN_MIB
        print(
            f"open 32 GiB at {sectors // 2:2} KiB clusters: {opened * 1000:6.1f} ms, "
            f"with the free space counted {counted * 1000:6.1f} ms, {memory:5.1f} MiB"
        )
        image.unlink()
    return met


def _engine_write(device: Path, block: mmap.mmap, count: int) -> None:
    """From memory that is aligned, as a courier's is; so is dd's."""
    volume = open_volume(device, writable=True)
    ticket = volume.begin(_PATH, count * _BLOCK)
    for _ in range(count):
        volume.append(ticket, memoryview(block))
    volume.commit(ticket)
    volume.settle()
    volume.close()


def _engine_read(device: Path, count: int) -> None:
    """In the runs that a box asks for."""
    volume = open_volume(device, writable=False)
    volume.settle()
    for offset in range(0, count * _BLOCK, _RUN):
        volume.read_run(_PATH, offset, _RUN)
    volume.close()


def _digest(block: mmap.mmap, count: int) -> None:
    digest = hashlib.sha256()
    for _ in range(count):
        digest.update(block)


def _format(device: Path, sectors: int = 8) -> None:
    _run("mkfs.fat", "-F", "32", "-s", str(sectors), device)


def _mcopy(device: Path, source: Path) -> None:
    _run("mcopy", "-i", device, source, "::FILE.BIN")
    fd = os.open(device, os.O_RDWR)
    os.fsync(fd)
    os.close(fd)


def transfer(folder: Path, size: int, rounds: int) -> bool:
    """Print the speeds of writing and reading; whether the targets are met."""
    count, block = size // _BLOCK, aligned_memory(_BLOCK)
    block[:] = os.urandom(_BLOCK)
    image, source = folder / "device.img", folder / "source.bin"
    with image.open("wb") as file:
        for _ in range(count + 16):
            file.write(block)
    with source.open("wb") as file:
        for _ in range(count):
            file.write(block)
    times = Times()
    dd = ("dd", "bs=4M", f"count={count}", "status=none")
    with _loop(image) as device:
        writing = partial(_run, *dd, f"if={source}", f"of={device}", "oflag=direct", "conv=fsync")
        reading = partial(_run, *dd, f"if={device}", "of=/dev/null", "iflag=direct")
        for _ in range(rounds):
            times.take("dd write", writing)
            _format(device)
            times.take("mcopy write", partial(_mcopy, device, source))
            _format(device)
            times.take("engine write", partial(_engine_write, device, block, count))
            times.take("dd read", reading)
            times.take("engine read", partial(_engine_read, device, count))
    times.take("sha256", partial(_digest, block, count))
    for name, taken in times.best.items():
        print(f"{name:14} {taken:6.2f} s {size / _MIB / taken:7.0f} MiB/s")
    ratios = {
        "write, of dd": (times.best["dd write"] / times.best["engine write"], _OF_DD),
        "read, of dd": (times.best["dd read"] / times.best["engine read"], _OF_DD),
        "write, of mcopy and fsync": (times.best["mcopy write"] / times.best["engine write"], _OF_MCOPY),
    }
    for name, (ratio, target) in ratios.items():
        print(f"{name:28} {ratio:5.2f} (target {target})")
    return all(ratio >= target for ratio, target in ratios.values())


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--size", type=int, default=1024, help="MiB to write and read (default: 1024)")
    options.add_argument("--rounds", type=int, default=5, help="of which the best counts (default: 5)")
    options.add_argument("--folder", type=Path, help="where the images are made (default: the system's)")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        opened = opening(Path(folder))
        moved = transfer(Path(folder), chosen.size * _MIB, chosen.rounds)
    return int(not (opened and moved))


if __name__ == "__main__":
    sys.exit(main())
