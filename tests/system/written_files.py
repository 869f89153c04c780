"""What a program writes, and to which files: as strace saw it, whatever became of the files later."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.tools import require

_WRITES: Final = "write,pwrite64,writev,pwritev,pwritev2"
_NAMES: Final = "open,openat,openat2,creat,rename,renameat,renameat2,link,linkat"
_COPIES: Final = "sendfile,copy_file_range,splice"
_LONGEST: Final = 64 * 1024 * 1024
"""Bytes of one write that strace prints."""

_DATA: Final = re.compile(rb"(?:write|pwrite64|writev|pwritev2?)\(\d+<([^>]*)>")
_STRING: Final = re.compile(rb'"([^"]*)"(\.\.\.)?')
_OPENED: Final = re.compile(rb"(?:open|openat|openat2|creat)\(.*(?:O_WRONLY|O_RDWR|creat).* = \d+<([^>]*)>")
_FILE: Final = rb"\d+<([^>]*)>"
_SENT: Final = re.compile(rb"sendfile\(" + _FILE + rb"(?:\(deleted\))?, " + _FILE)
_COPIED: Final = re.compile(rb"(?:copy_file_range|splice)\(" + _FILE + rb"[^<]*, " + _FILE)
_MAPPED: Final = re.compile(rb"mmap\([^<]*PROT_WRITE[^<]*MAP_SHARED[^<]*" + _FILE)
_NAMED: Final = re.compile(rb'(?:rename|link)\w*\(.*, "([^"]*)"[^"]*\) = 0$')
_NAMED_BELOW: Final = re.compile(rb'(?:rename|link)\w*\(.*, \w+<([^>]*)>, "([^"]*)"[^"]*\) = 0$')


@dataclass(frozen=True, slots=True)
class Write:
    """The bytes of one system call, and the file they went to."""

    path: Path
    data: bytes


@dataclass(frozen=True, slots=True)
class Trace:
    """A program that has run, and the trace of each of its processes and threads."""

    done: subprocess.CompletedProcess[str]
    folder: Path

    def writes(self) -> Iterator[Write]:
        """Every write, whether its file still exists, ever had a name, or is no file at all."""
        for line in self._lines():
            if found := _DATA.match(line):
                strings = _STRING.findall(line, found.end())
                assert not any(cut for _, cut in strings), "strace has cut a write short"
                yield Write(_path(found[1]), b"".join(_unescaped(string) for string, _ in strings))

    def copies(self) -> Iterator[tuple[Path, Path]]:
        """Every copy that the kernel made without showing the data: from which file to which."""
        for line in self._lines():
            if found := _COPIED.match(line):
                yield _path(found[1]), _path(found[2])
            elif found := _SENT.match(line):
                yield _path(found[2]), _path(found[1])

    def lost_mappings(self) -> set[Path]:
        """Files that were written through memory and are gone: nobody can say any more what was in them."""
        found = (_MAPPED.match(line) for line in self._lines())
        return {path for match in found if match and not (path := _path(match[1])).is_file()}

    def files(self) -> set[Path]:
        """Every regular file that was opened for writing or got a name, and is there."""
        names = set()
        for line in self._lines():
            if found := _OPENED.match(line):
                names.add(_path(found[1]))
            elif (found := _NAMED_BELOW.match(line)) or (found := _NAMED.match(line)):
                names.add(Path(*map(_path, found.groups())))
        return {path for path in names if path.is_file()}

    def _lines(self) -> Iterator[bytes]:
        for path in sorted(self.folder.iterdir()):
            with path.open("rb") as lines:
                yield from lines


def traced(folder: Path, *command: object) -> Trace:
    """Run a program to its end. `folder` takes the trace; paths on the command line are absolute."""
    folder.mkdir()
    options = ("-ff", "--seccomp-bpf", "-qq", "-y", "-xx", "-s", _LONGEST, "-o", folder / "trace")
    words = (require("strace"), *options, "-e", f"trace={_WRITES},{_COPIES},{_NAMES},mmap", *command)
    done = subprocess.run(
        [str(word) for word in words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    return Trace(done, folder)


def _path(escaped: bytes) -> Path:
    return Path(os.fsdecode(_unescaped(escaped)))


def _unescaped(string: bytes) -> bytes:
    return bytes.fromhex(string.replace(b"\\x", b"").decode())
