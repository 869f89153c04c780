"""FAT images made by mkfs.fat, sfdisk and mtools, and checked by fsck.fat and mtools."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from tests.tools import require
from tests.volume.memory import Memory

KIB: Final = 1024
MIB: Final = 1024 * KIB
_ALIGNMENT: Final = MIB

FOREIGN: Final[Mapping[str, bytes]] = {
    "Holiday pictures, summer.jpeg": bytes(range(256)) * 40,
    "readme.txt": b"not ours\n",
    "Some long folder/Deeper still/eine Datei mit Umlauten \u00e4\u00f6\u00fc.txt": b"x" * 5000,
    "Some long folder/EMPTY.DAT": b"",
}
"""What somebody else put on the medium before us."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A volume that mkfs.fat can make. `sector` and `size` in bytes, `cluster` in sectors."""

    bits: int
    size: int
    sector: int = 512
    cluster: int = 1
    tables: int = 2
    partitions: str = ""
    """"" for none (a superfloppy), else sfdisk's name for the kind of table: "dos" or "gpt"."""

    def __str__(self) -> str:
        where = f"-{self.partitions}" if self.partitions else ""
        return f"fat{self.bits}-{self.sector}x{self.cluster}-{self.tables}fat{where}"

    @property
    def start(self) -> int:
        """Where the volume begins on the medium, in bytes."""
        return _ALIGNMENT if self.partitions else 0


SHAPES: Final = (
    Shape(12, MIB),
    Shape(12, 8 * MIB, sector=4096, tables=1),
    Shape(12, 2 * MIB, cluster=4, tables=1, partitions="dos"),
    Shape(16, 3 * MIB),
    Shape(16, 12 * MIB, cluster=4, tables=1, partitions="gpt"),
    Shape(16, 20 * MIB, sector=4096),
    Shape(32, 36 * MIB),
    Shape(32, 270 * MIB, cluster=8, tables=1, partitions="dos"),
    Shape(32, 270 * MIB, sector=4096, partitions="gpt"),
)
"""All FAT types, both common sector sizes, one and two FATs, with and without partitions."""

SMALL: Final = (Shape(12, 256 * KIB), Shape(16, 3 * MIB), Shape(32, 512 * KIB))
"""One of each type, as small as can be. mtools takes so small a FAT32 for FAT12; fsck.fat does not."""


def run(*command: str | Path, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a program that must be there; the caller judges its exit code."""
    # Which code page a short name is in stands nowhere on the medium; pyfatfs and the oldest DOS take 437.
    mtools = {"MTOOLS_SKIP_CHECK": "1", "MTOOLSRC": str(Path(__file__).with_name("mtoolsrc"))}
    environment = {**os.environ, **mtools, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    program = require(str(command[0]))
    return subprocess.run(
        [program, *command[1:]], input=stdin, capture_output=True, env=environment, timeout=60
    )


def must(*command: str | Path, stdin: bytes | None = None) -> str:
    """Run a program that must succeed; what it printed."""
    done = run(*command, stdin=stdin)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout.decode()


@cache
def _made(shape: Shape, foreign: bool) -> Memory:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "volume.img"
        with path.open("wb") as file:
            file.truncate(shape.size)
        options = ["-F", str(shape.bits), "-S", str(shape.sector), "-s", str(shape.cluster)]
        must("mkfs.fat", *options, "-f", str(shape.tables), "-n", "STICK", "--invariant", path)
        if foreign:
            put(path, FOREIGN)
        return partitioned(Memory.load(path), shape.partitions)


def medium(shape: Shape, *, foreign: bool = False) -> Memory:
    """A new medium with an empty volume, or with `FOREIGN` on it."""
    return _made(shape, foreign).copy()


def partitioned(content: Memory, kind: str) -> Memory:
    """The medium that has `content` as its only partition, in a table that sfdisk makes."""
    if not kind:
        return content
    partition = {"dos": "type=c", "gpt": "type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"}[kind]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "medium.img"
        with path.open("wb") as file:
            file.truncate(_ALIGNMENT + content.size + _ALIGNMENT)
        script = f"label: {kind}\nstart={_ALIGNMENT // 512}, size={content.size // 512}, {partition}\n"
        must("sfdisk", "--quiet", path, stdin=script.encode())
        made = Memory.load(path)
    for page, data in content.pages.items():
        made.write(_ALIGNMENT + page * len(data), data)
    return made


def put(image: Path, files: Mapping[str, bytes], at: int = 0) -> None:
    """Write files with mtools, folders and all."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        must("mcopy", "-s", "-Q", "-i", f"{image}@@{at}", *sorted(Path(folder).iterdir()), "::/")


def get(image: Path, at: int = 0) -> dict[str, bytes]:
    """Every file on a volume, as mtools reads it."""
    with tempfile.TemporaryDirectory() as folder:
        listed = must("mdir", "-b", "-a", "-i", f"{image}@@{at}", "::/")
        if not listed.strip():
            return {}
        must("mcopy", "-s", "-Q", "-n", "-i", f"{image}@@{at}", "::*", folder)
        root = Path(folder)
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def fsck(found: Memory, shape: Shape) -> str:
    """What fsck.fat finds wrong with the volume; "" where it finds nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = found.part(shape.start, shape.size).save(Path(folder) / "volume.img")
        done = run("fsck.fat", "-n", path)
        return "" if done.returncode == 0 else (done.stdout + done.stderr).decode()
