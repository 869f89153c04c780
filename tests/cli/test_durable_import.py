"""An import makes files durable, then their names, and only then does the database say they are there."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.cli.workshop import PROGRAM, Workshop
from tests.tools import require

_CALL = re.compile(r"^\d+ +(\w+)\((.*)$")
_PATH = re.compile(r"<([^<>]*)>")
_RENAME = re.compile(r'<([^<>]*)>, "([^"]*)", \d+<([^<>]*)>, "([^"]*)"')


@dataclass(frozen=True)
class Call:
    """A system call that changes a file or makes it durable."""

    name: str
    path: str
    """The file it is about; for renames the new name."""
    before: str = ""
    """For renames, the old name."""


def calls_of(folder: Path, *arguments: object) -> list[Call]:
    """The calls of a verb, in their order."""
    log = folder / "calls"
    traced = "trace=write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,mkdirat"
    subprocess.run(
        [require("strace"), "-f", "-y", "-s", "0", "-e", traced, "-o", log, PROGRAM, *map(str, arguments)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return [call for line in log.read_text().splitlines() if (call := _call(line))]


def _call(line: str) -> Call | None:
    found = _CALL.match(line)
    if found is None:
        return None
    name, rest = found.groups()
    if name.startswith("rename"):
        names = _RENAME.search(rest)
        return Call("rename", f"{names[3]}/{names[4]}", f"{names[1]}/{names[2]}") if names else None
    path = _PATH.search(rest)
    return Call(name.replace("pwrite64", "write").replace("fdatasync", "fsync"), path[1]) if path else None


def test_the_database_names_a_package_only_when_its_files_are_durable(enrolled: Workshop) -> None:
    enrolled.make_release("1.0.0")
    verb = ("box", "import", enrolled.box, enrolled.folder / "1.0.0", *enrolled.pin())
    calls = calls_of(enrolled.folder, *verb)
    packages = enrolled.box / "packages"
    (package,) = packages.iterdir()
    kept = sorted(str(path) for path in package.iterdir())
    renames = {call.path: place for place, call in enumerate(calls) if call.name == "rename"}
    assert sorted(path for path in renames if path.startswith(str(package))) == kept
    for path in kept:
        place = renames[path]
        written = last(calls[:place], "write", calls[place].before)
        assert written < last(calls[:place], "fsync", calls[place].before)
        assert first(calls[place:], "fsync", str(package)) >= 0
    done = max(renames[path] for path in kept)
    named = done + first(calls[done:], "fsync", str(package))
    wal = str(enrolled.box / "box.db-wal")
    assert first(calls[done:named], "write", wal) < 0
    entered = last(calls, "write", wal)
    assert named < entered < last(calls, "fsync", wal)
    made = first(calls, "mkdirat", str(packages))
    assert 0 <= made < made + first(calls[made:named], "fsync", str(packages))


def first(calls: list[Call], name: str, path: str) -> int:
    """Where a call to a file is first, or -1."""
    return next((place for place, call in enumerate(calls) if (call.name, call.path) == (name, path)), -1)


def last(calls: list[Call], name: str, path: str) -> int:
    """Where a call to a file is last, or -1."""
    backwards = first(calls[::-1], name, path)
    return -1 if backwards < 0 else len(calls) - 1 - backwards
