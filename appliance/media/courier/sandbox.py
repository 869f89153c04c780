"""Taking away from this process everything that it does not need to parse one file system.

Each part is put in force as far as the kernel offers it; `Confinement` states what is. What is open
when the sandbox closes stays open: the socket, the buffer, and the medium.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from collections.abc import Collection
from dataclasses import astuple, dataclass
from typing import Final

from appliance.media.courier import landlock, seccomp
from media_format.limits import MIB

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_NO_NEW_PRIVS: Final = 38

_USERS: Final = range(61184, 65520)
"""The range that systemd.exec(5) keeps for users without a name (DynamicUser)."""
_BASE_MEMORY: Final = 64 * MIB
_MEMORY_SHARE: Final = 512
_MAX_MEMORY: Final = 384 * MIB
_CPU_SECONDS: Final = 3600


@dataclass(frozen=True, slots=True)
class Confinement:
    """What is in force in a courier.

    `landlock` is the kernel's ABI version of it, 0 where there is none; `user` is the number of the
    user without rights that a courier started by root became, otherwise None; `memory` is how many bytes
    it may use beyond what it had when it started.
    """

    no_new_privileges: bool
    undumpable: bool
    landlock: int
    seccomp: bool
    user: int | None
    memory: int

    def __str__(self) -> str:
        parts = [
            f"Landlock {self.landlock}" if self.landlock else "NO Landlock",
            "seccomp" if self.seccomp else "NO seccomp",
            "no new privileges" if self.no_new_privileges else "NEW PRIVILEGES POSSIBLE",
            "undumpable" if self.undumpable else "DUMPABLE",
            "own user" if self.user else "the caller's user",
            f"{self.memory // MIB} MiB",
        ]
        return ", ".join(parts)

    def values(self) -> tuple[int | bool | None, ...]:
        """Its fields, as they are sent."""
        return astuple(self)


def allowance(medium: int) -> int:
    """Bytes of memory for a medium of so many bytes: the table of a large one is large."""
    return min(_BASE_MEMORY + medium // _MEMORY_SHARE, _MAX_MEMORY)


def confine(keep: Collection[int], medium: int) -> Confinement:
    """Close the sandbox around this process; there is no way back.

    `keep` are the descriptors that stay open, `medium` is how many bytes the medium has. The order is
    not free: Landlock takes a descriptor, becoming another user resets what prctl had set, and the
    filter of system calls leaves none of the calls used here.
    """
    library = ctypes.CDLL(None, use_errno=True)
    _close_all_but(keep)
    memory, used = allowance(medium), _memory_in_use()
    no_new_privileges = library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    version = landlock.restrict(library)
    _limit(used + memory, medium)
    user = _drop_user()
    library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    undumpable = library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0
    return Confinement(
        no_new_privileges=no_new_privileges,
        undumpable=undumpable,
        landlock=version,
        seccomp=seccomp.restrict(library),
        user=user,
        memory=memory,
    )


def _close_all_but(keep: Collection[int]) -> None:
    """Standard error may be a pipe to the caller: it becomes /dev/null, like the other two."""
    os.dup2(0, 1)
    os.dup2(0, 2)
    first = 3
    for fd in sorted(keep):
        os.closerange(first, fd)
        first = fd + 1
    os.closerange(first, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _memory_in_use() -> int:
    with open("/proc/self/statm", "rb") as sizes:
        return int(sizes.read().split()[0]) * resource.getpagesize()


def _limit(memory: int, medium: int) -> None:
    for what, limit in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, _CPU_SECONDS),
        (resource.RLIMIT_FSIZE, medium),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_SIGPENDING, 0),
        (resource.RLIMIT_NOFILE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        lower = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(what, (lower, lower))


def _drop_user() -> int | None:
    """Become a user that owns nothing, each courier another one: they cannot reach each other either."""
    if os.geteuid() != 0:
        return None
    user = _USERS[os.getpid() % len(_USERS)]
    try:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    except OSError:
        return None  # a container may not know that user
    return user
