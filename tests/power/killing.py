"""Killing a program with signal 9 at a chosen system call, as strace(1) can inject it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.power.recording import calls
from tests.tools import require

CALLS: Final = frozenset(
    {
        *("write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "renameat", "renameat2"),
        *("unlink", "unlinkat", "mkdirat"),
    }
)
"""Whatever changes a file or makes it durable."""


class Place(NamedTuple):
    """A thread's call number `number` of this name, counted from 1."""

    call: str
    number: int


def places(log: str) -> list[Place]:
    """Where a program that left this log of strace's can be killed, whichever of its threads gets there."""
    counted: dict[tuple[str, str], int] = {}
    for thread, name, _, _ in calls(log):
        counted[thread, name] = counted.get((thread, name), 0) + 1
    most: dict[str, int] = {}
    for (_, name), count in counted.items():
        most[name] = max(count, most.get(name, 0))
    return [Place(name, number) for name in sorted(CALLS & set(most)) for number in range(1, most[name] + 1)]


def kill_at(command: Sequence[str], root: Path, place: Place) -> bool:
    """Run a command of which a process dies when one of its threads enters a call; whether it succeeded.

    Returns when all its processes have ended, also a keystore that outlives it.
    """
    inject = f"inject={place.call}:signal=KILL:when={place.number}"
    strace = [require("strace"), "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={place.call}"]
    done = subprocess.run(
        [*strace, "-e", inject, *command],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0
