"""How much memory a program and everything it starts take at most, page cache not counted."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_EVERY = 0.02
"""Seconds between two looks."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A program that has run. `peak` in bytes: anonymous and shared memory of all its processes at once."""

    done: subprocess.CompletedProcess[str]
    peak: int
    looks: int


def measured(command: list[str], folder: Path) -> Measured:
    """Run a program in `folder` to its end and look at its processes all the while."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    ended, peaks = threading.Event(), [0]

    def look() -> None:
        while not ended.wait(_EVERY):
            peaks.append(sum(map(_private_bytes, _tree(process.pid))))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        out, err = process.communicate()
    finally:
        ended.set()
        watcher.join()
    return Measured(
        subprocess.CompletedProcess(command, process.returncode, out, err), max(peaks), len(peaks) - 1
    )


def _tree(process: int) -> Iterator[int]:
    """A process, its children, theirs, and so on. They may end at any moment."""
    yield process
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:
            continue
        for child in found:
            yield from _tree(int(child))


def _private_bytes(process: int) -> int:
    """What the kernel counts as anonymous or shared memory of a process (proc_pid_smaps(5))."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    sizes = dict(line.split(":", 1) for line in lines[1:])
    return sum(int(sizes[name].split()[0]) * 1024 for name in ("Anonymous", "Pss_Shmem") if name in sizes)
