"""What a program does to a folder, as strace(1) sees it: every change in order, of all its processes."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.power.disk import Create, Disk, Event, Remove, Rename, Resize, Said, Sync, Write
from tests.tools import require

_CHANGING: Final = (
    *(
        "write",
        "pwrite64",
        "fsync",
        "fdatasync",
        "ftruncate",
        "open",
        "openat",
        "rename",
        "renameat",
        "renameat2",
    ),
    *("unlink", "unlinkat", "mkdir", "mkdirat", "rmdir"),
)
_UNFORESEEN: Final = (
    *(
        "writev",
        "pwritev",
        "pwritev2",
        "truncate",
        "link",
        "linkat",
        "symlink",
        "symlinkat",
        "fallocate",
        "creat",
    ),
    *("copy_file_range", "sendfile", "splice", "sync_file_range", "syncfs", "sync", "msync"),
)
"""Would change a file, or where writing goes on, in a way that this module does not follow."""

_LINE: Final = re.compile(r"(\d+) +(.*)")
_CALL: Final = re.compile(r"(\w+)\((.*)\) += (-?\d+)")
_RESUMED: Final = re.compile(r"<\.\.\. \w+ resumed>(.*)")
_AT: Final = re.compile(r"(?:\d+|AT_FDCWD)<([^>]*)>")
_TEXT: Final = re.compile(r'"([^"]*)"')
_BYTE: Final = re.compile(rb"\\x([0-9a-f]{2})")


def record(command: Sequence[str], root: Path, log: Path) -> list[Event]:
    """Run a command that succeeds; what all its processes changed below `root`. strace writes to `log`."""
    before = Disk(root)
    traced = ",".join((*_CHANGING, *_UNFORESEEN))
    strace = [
        require("strace"),
        "-f",
        "-y",
        "-xx",
        "-s",
        str(1 << 26),
        "--seccomp-bpf",
        "-e",
        f"trace={traced}",
    ]
    done = subprocess.run(
        [*strace, "-o", str(log), *command],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return list(events(log.read_text(), before, root))


def events(log: str, disk: Disk, root: Path) -> Iterator[Event]:
    """The changes in a log, by paths below `root`. Plays them on `disk`, which is as the program found it."""
    reader = _Reader(disk, root)
    first = log.partition(" ")[0]
    for thread, name, arguments, result in calls(log):
        told = thread == first and name == "write" and arguments.startswith("1<")
        for event in reader.read("say" if told else name, arguments, result):
            disk.apply(event)
            yield event


def calls(log: str) -> Iterator[tuple[str, str, str, int]]:
    """Completed calls that succeeded, in the order in which they ended: thread, name, arguments, result."""
    begun = dict[str, str]()
    for line in log.splitlines():
        found = _LINE.match(line)
        assert found, line[:200]
        thread, text = found.groups()
        if text.endswith("<unfinished ...>"):
            begun[thread] = text.removesuffix("<unfinished ...>")
            continue
        if resumed := _RESUMED.match(text):
            text = begun.pop(thread) + resumed[1]
        if (call := _CALL.match(text)) and int(call[3]) >= 0:
            yield thread, call[1], call[2], int(call[3])


class _Reader:
    def __init__(self, disk: Disk, root: Path) -> None:
        self._disk = disk
        self._root = str(root)
        self._readers: Final[Mapping[str, Callable[[str, int], Iterator[Event]]]] = {
            "say": lambda arguments, size: iter([Said()] if size else []),
            "write": self._append,
            "pwrite64": self._write,
            "ftruncate": lambda a, _: iter([Resize(p, int(a.rsplit(", ", 1)[1])) for p in self._at(a)]),
            "open": self._open,
            "openat": self._open,
            **dict.fromkeys(("fsync", "fdatasync"), lambda a, _: iter([Sync(p) for p in self._at(a)])),
            **dict.fromkeys(("rename", "renameat", "renameat2"), self._rename),
            **dict.fromkeys(
                ("unlink", "unlinkat", "rmdir"), lambda a, _: iter([Remove(p) for p in self._named(a)])
            ),
            **dict.fromkeys(
                ("mkdir", "mkdirat"), lambda a, _: iter([Create(p, folder=True) for p in self._named(a)])
            ),
        }

    def read(self, name: str, arguments: str, result: int) -> Iterator[Event]:
        if name in _UNFORESEEN:
            assert not list(self._at(arguments)), f"{name}({arguments[:300]}) is not followed here"
            return iter(())
        return self._readers[name](arguments, result)

    def _append(self, arguments: str, size: int) -> Iterator[Event]:
        """Files are written from their beginning to their end here, or appended to."""
        for path in self._at(arguments):
            yield Write(path, self._disk.size(path), _bytes(arguments)[:size])

    def _write(self, arguments: str, size: int) -> Iterator[Event]:
        for path in self._at(arguments):
            yield Write(path, int(arguments.rsplit(", ", 1)[1]), _bytes(arguments)[:size])

    def _open(self, arguments: str, _: int) -> Iterator[Event]:
        for path in self._named(arguments):
            if "O_CREAT" in arguments and not self._disk.holds(path):
                yield Create(path)
            elif "O_TRUNC" in arguments:
                yield Resize(path, 0)

    def _rename(self, arguments: str, _: int) -> Iterator[Event]:
        named = list(self._named(arguments))
        if named:
            yield Rename(*named)

    def _at(self, arguments: str) -> Iterator[str]:
        """The file that a call's descriptor stands for, if it is one of ours."""
        found = _AT.match(arguments)
        yield from self._below(os.fsdecode(_decoded(found[1])) if found else "")

    def _named(self, arguments: str) -> Iterator[str]:
        """The names in a call, each relative to the descriptor before it."""
        places = [os.fsdecode(_decoded(place)) for place in _AT.findall(arguments)] or [self._root]
        names = [os.fsdecode(_decoded(name)) for name in _TEXT.findall(arguments)]
        for number, name in enumerate(names):
            yield from self._below(os.path.join(places[min(number, len(places) - 1)], name))

    def _below(self, path: str) -> Iterator[str]:
        if path == self._root:
            yield "."
        elif path.startswith(f"{self._root}/") and not path.endswith(("-shm", " (deleted)")):
            yield path.removeprefix(f"{self._root}/")


def _bytes(arguments: str) -> bytes:
    found = _TEXT.search(arguments)
    return _decoded(found[1]) if found else b""


def _decoded(text: str) -> bytes:
    return _BYTE.sub(lambda byte: bytes([int(byte[1], 16)]), text.encode())
