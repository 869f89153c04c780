"""The list of system calls that are left to the courier (seccomp(2)), as a classic BPF program.

Everything else answers EPERM: opening, sockets, programs, signals, tracing, further descriptors.
Memory may be mapped, but not so that it can be executed; of all ioctls one is left.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_PR_SET_SECCOMP: Final = 22
_MODE_FILTER: Final = 2

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW: Final = 0x7FFF0000
_DENY: Final = 0x00050000 | errno.EPERM
_KILL: Final = 0x80000000
_NUMBER, _ARCHITECTURE = 0, 4
"""Where they stand in struct seccomp_data."""

_EXECUTABLE: Final = 0x4
_BLKFLSBUF: Final = 0x1261

_CALLS: Final = (
    *("pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "fsync", "fdatasync", "fadvise64"),
    *("lseek", "close"),
    *("recvfrom", "sendto", "brk", "munmap", "mremap", "madvise", "futex", "getrandom", "getpid", "gettid"),
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "sched_yield"),
    *("clock_gettime", "gettimeofday", "exit", "exit_group"),
)
_WITHOUT_EXECUTION: Final = ("mmap", "mprotect")


@dataclass(frozen=True, slots=True)
class _Architecture:
    """`token` is its AUDIT_ARCH; from `foreign` on stand the calls of another calling convention."""

    token: int
    numbers: Mapping[str, int]
    foreign: int


def _numbers(text: str) -> Mapping[str, int]:
    return {name: int(number) for name, _, number in (word.partition(":") for word in text.split())}


_ARCHITECTURES: Final = {
    "x86_64": _Architecture(
        0xC000003E,
        _numbers(
            "close:3 lseek:8 mmap:9 mprotect:10 munmap:11 brk:12 rt_sigaction:13 rt_sigprocmask:14 "
            "rt_sigreturn:15 ioctl:16 pread64:17 pwrite64:18 sched_yield:24 mremap:25 madvise:28 getpid:39 "
            "sendto:44 recvfrom:45 exit:60 fsync:74 fdatasync:75 gettimeofday:96 sigaltstack:131 gettid:186 "
            "futex:202 restart_syscall:219 fadvise64:221 clock_gettime:228 exit_group:231 preadv:295 "
            "pwritev:296 getrandom:318 preadv2:327 pwritev2:328"
        ),
        0x40000000,
    ),
    "aarch64": _Architecture(
        0xC00000B7,
        _numbers(
            "ioctl:29 close:57 lseek:62 pread64:67 pwrite64:68 preadv:69 pwritev:70 fsync:82 fdatasync:83 "
            "exit:93 exit_group:94 futex:98 clock_gettime:113 sched_yield:124 restart_syscall:128 "
            "sigaltstack:132 rt_sigaction:134 rt_sigprocmask:135 rt_sigreturn:139 gettimeofday:169 "
            "getpid:172 gettid:178 sendto:206 recvfrom:207 brk:214 munmap:215 mremap:216 mmap:222 "
            "fadvise64:223 mprotect:226 madvise:233 getrandom:278 preadv2:286 pwritev2:287"
        ),
        0xFFFFFFFF,
    ),
}


def restrict(library: ctypes.CDLL) -> bool:
    """Leave this process the calls of the list; it must have given up new privileges.

    False where the kernel has no filters, or where this architecture's numbers are not known here.
    """
    architecture = _ARCHITECTURES.get(platform.machine())
    if architecture is None:
        return False
    code = _program(architecture)
    instructions = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(instructions))
    return bool(library.prctl(_PR_SET_SECCOMP, _MODE_FILTER, program, 0, 0) == 0)


def _program(architecture: _Architecture) -> bytes:
    numbers = architecture.numbers
    steps = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, architecture.token, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        _step(_AT_LEAST, architecture.foreign, 0, 1),
        _step(_RETURN, _DENY),
    ]
    for name in _CALLS:
        steps += [_step(_EQUAL, numbers[name], 0, 1), _step(_RETURN, _ALLOW)]
    for name in _WITHOUT_EXECUTION:
        steps += _if_argument(numbers[name], 2, (_step(_ANY_BIT, _EXECUTABLE, 1, 0),))
    steps += _if_argument(numbers["ioctl"], 1, (_step(_EQUAL, _BLKFLSBUF, 0, 1),))
    return b"".join([*steps, _step(_RETURN, _DENY)])


def _if_argument(number: int, argument: int, test: Iterable[bytes]) -> list[bytes]:
    """Allow a call where `test` on an argument's low 32 bits falls through to the next step."""
    # Both architectures are little-endian.
    load = _step(_LOAD, 16 + 8 * argument)
    inner = [load, *test, _step(_RETURN, _ALLOW), _step(_RETURN, _DENY)]
    return [_step(_EQUAL, number, 0, len(inner)), *inner]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One instruction: a `struct sock_filter`."""
    return struct.pack("=HBBL", code, if_true, if_false, value)
