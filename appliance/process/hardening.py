"""Hardening: no core dump, no debugger, no new privileges, and memory that is not swapped out."""

from __future__ import annotations

import ctypes
import os
import resource
from dataclasses import dataclass
from typing import Final

_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38
_MCL_CURRENT_AND_FUTURE: Final = 1 | 2
_ROOM: Final = 512 * 1024 * 1024
"""Bytes that must be lockable before all future memory is: else an allocation would fail one day."""


@dataclass(frozen=True, slots=True)
class Hardening:
    """What is in force. `locked` is whether memory stays out of swap: that takes a right or a high limit."""

    undumpable: bool
    no_new_privileges: bool
    locked: bool


def close_memory() -> bool:
    """Keep this process's memory to itself: what every program of the project does first.

    An undumpable process leaves no core, and no process of the same user may trace it or read its memory
    through /proc (prctl(2), PR_SET_DUMPABLE; ptrace(2)). A program that it runs has to do so again.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return bool(ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)


def harden() -> Hardening:
    """Harden this process as far as the system allows; says what is in force then."""
    undumpable = close_memory()
    library = ctypes.CDLL(None, use_errno=True)
    return Hardening(
        undumpable=undumpable,
        no_new_privileges=library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0,
        locked=_may_lock() and library.mlockall(_MCL_CURRENT_AND_FUTURE) == 0,
    )


def _may_lock() -> bool:
    soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if hard == resource.RLIM_INFINITY or hard >= _ROOM:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (hard, hard))
        return True
    return os.geteuid() == 0 or soft >= _ROOM
