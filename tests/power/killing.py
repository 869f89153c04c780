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


class Killed(NamedTuple):
    """What became of a command. `killed`: whether a process of it was; `said`: whether it succeeded."""

    killed: bool
    said: bool


def kill_at(command: Sequence[str], root: Path, place: Place, log: Path) -> Killed:
    """Run a command of which a process dies when one of its threads enters a call. strace writes to `log`.

    Returns when all its processes have ended, also a keystore that outlives it. Another run may take other
    ways and not get to the place.
    """
    # No --seccomp-bpf: what strace stops at then is no place where the kernel takes an injected signal.
    strace = [require("strace"), "-f", "-o", str(log), "-e", f"trace={place.call}"]
    done = subprocess.run(
        [*strace, "-e", f"inject={place.call}:signal=KILL:when={place.number}", *command],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return Killed("+++ killed by SIGKILL +++" in log.read_text(errors="replace"), done.returncode == 0)
