"""Run as a courier: tries, after the sandbox has closed, what a taken-over courier would try.

Each request names an attempt; the answer is "" where it succeeded, else the error's name.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping

from appliance.media.courier.__main__ import run
from appliance.media.courier.messages import MAX_MESSAGE, Outcome, decode, encode
from media_format.volume.blocks import Blocks

LIBRARY = ctypes.CDLL(None, use_errno=True)
PARENT = os.getppid()
_PTRACE_ATTACH = 16
_PIDFD_OPEN, _MEMFD_SECRET, _IO_URING_SETUP = 434, 447, 425
_PAGE = mmap.mmap(-1, 4096)


def _call(name: str, *arguments: object) -> None:
    """A function of the C library; raises what it left in errno."""
    if getattr(LIBRARY, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)


def _protect() -> None:
    address = ctypes.addressof(ctypes.c_char.from_buffer(_PAGE))
    _call("mprotect", ctypes.c_void_p(address), ctypes.c_size_t(4096), mmap.PROT_READ | mmap.PROT_EXEC)


def _descriptors() -> None:
    """Reading from any descriptor but the socket and the medium; those are what a courier is for."""
    reached = []
    for fd in range(3, 1024):
        try:
            os.pread(fd, 1, 0)
        except OSError as error:
            if error.errno == errno.ESPIPE:
                reached.append(fd)
        else:
            reached.append(fd)
    if len(reached) <= 3:  # the socket, the medium, the medium with O_DIRECT
        raise OSError(errno.EBADF, "only its own descriptors")


ATTEMPTS: Mapping[str, Callable[[], object]] = {
    "open a file for reading": lambda: os.open("/etc/passwd", os.O_RDONLY),
    "open a file for writing": lambda: os.open("/tmp/taken-over", os.O_WRONLY | os.O_CREAT),
    "open its own descriptors again": lambda: os.open("/proc/self/fd/0", os.O_RDONLY),
    "open its own memory": lambda: os.open("/proc/self/mem", os.O_RDWR),
    "list a folder": lambda: os.listdir("/"),
    "ask whether a file exists": lambda: os.stat("/etc/shadow"),
    "remove a file": lambda: os.unlink("/tmp/taken-over"),
    "make a folder": lambda: os.mkdir("/tmp/taken-over"),
    "change the working directory": lambda: os.chdir("/tmp"),
    "mount": lambda: _call("mount", b"none", b"/mnt", b"tmpfs", 0, None),
    "make an internet socket": lambda: socket.socket(socket.AF_INET),
    "make a Unix socket": lambda: socket.socket(socket.AF_UNIX),
    "make a pair of sockets": socket.socketpair,
    "run a program": lambda: os.execv("/bin/true", ["true"]),
    "fork": os.fork,
    "start a thread": lambda: __import__("_thread").start_new_thread(print, ()),
    "trace its parent": lambda: _call("ptrace", _PTRACE_ATTACH, PARENT, None, None),
    "read its parent's memory": lambda: _call("process_vm_readv", PARENT, None, 0, None, 0, 0),
    "signal its parent": lambda: os.kill(PARENT, signal.SIGCONT),
    "find out whether a process exists": lambda: os.kill(1, 0),
    "hold a process": lambda: _call("syscall", _PIDFD_OPEN, PARENT, 0),
    "map memory that can be executed": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "make memory executable": _protect,
    "make secret memory": lambda: _call("syscall", _MEMFD_SECRET, 0),
    "use io_uring": lambda: _call("syscall", _IO_URING_SETUP, 1, None),
    "use bpf": lambda: _call("syscall", 321, 0, None, 0),
    "become root again": lambda: os.setuid(0),
    "leave its namespaces": lambda: _call("unshare", 0x10000000),
    "raise its limits": lambda: resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40)),
    "duplicate a descriptor": lambda: os.dup(0),
    "make a pipe": os.pipe,
    "be dumpable again": lambda: _call("prctl", 4, 1, 0, 0, 0),
    "reach other descriptors": _descriptors,
    "set the medium read-only": lambda: __import__("fcntl").ioctl(0, 0x125D, b"\1\0\0\0"),
}


def attempts(link: socket.socket, buffer: mmap.mmap, blocks: Blocks) -> None:
    """Answer requests with the outcome of the attempt that they name."""
    while request := link.recv(MAX_MESSAGE):
        (name,) = decode(request, "a request")
        if name == "use memory without end":
            answer = _eat()
        elif name == "make the medium larger":
            answer = _outcome(lambda: os.pwrite(blocks.handles()[0], b"x", blocks.size))  # type: ignore[attr-defined]
        else:
            answer = _outcome(ATTEMPTS[str(name)])
        link.send(encode([Outcome.DONE, answer]))


def _outcome(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    except RuntimeError:  # what Python makes of a thread that cannot be started
        return "EPERM"
    except ValueError:  # what Python makes of a limit that may not be raised
        return "EPERM"
    return ""


def _eat() -> str:
    try:
        bytearray(512 * 1024 * 1024)
    except MemoryError:
        return "ENOMEM"
    return ""


if __name__ == "__main__":
    run(int(sys.argv[1]), attempts)
