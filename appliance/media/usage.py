"""Who uses a block device: mounts in every mount namespace that can be seen, swap, RAID, LVM, loops.

The kernel's own word is opening with O_EXCL, which refuses whatever is in use; this finds the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from appliance.media.sysfs import BlockDevice, System, read_text

_ESCAPED: Final = re.compile(r"\\([0-7]{3})")
_BY: Final = ("UUID", "PARTUUID", "LABEL", "PARTLABEL")


class Usage:
    """The users of all block devices at one moment. Reads them once; ask `of` for each device."""

    def __init__(self, system: System) -> None:
        self._reasons: Mapping[str, str] = {
            **dict(_loop_backings(system)),
            **dict(_swaps(system)),
            **dict(_multi_device_members(system)),
            **dict(_mounts(system)),
            **dict(_started_from(system)),
        }

    def of(self, disk: BlockDevice) -> str | None:
        """Why a disk or one of its partitions is in use, as a clause; None where nobody uses it."""
        for part in (disk, *disk.partitions):
            subject = "it" if part == disk else f"its partition {part.name}"
            if part.number in self._reasons:
                return f"{subject} {self._reasons[part.number]}"
            if part.holders:
                return f"{subject} is part of {', '.join(part.holders)}"
        return None


def _mounts(system: System) -> Iterator[tuple[str, str]]:
    """Mounts elsewhere first: what this process sees itself is the better reason."""
    own = system.proc / "self"
    seen = {_namespace(own)}
    for process in sorted(system.proc.glob("[0-9]*")):
        namespace = _namespace(process)
        if namespace not in seen:
            seen.add(namespace)
            for number, point in _mount_table(process, system):
                yield number, f"is mounted at {point} in the mount namespace of process {process.name}"
    for number, point in sorted(_mount_table(own, system), key=lambda mount: mount[1] == "/"):
        yield number, f"is mounted at {point}" + (": the system runs from it" if point == "/" else "")


def _namespace(process: Path) -> str:
    try:
        return str((process / "ns/mnt").readlink())
    except OSError:
        return ""


def _mount_table(process: Path, system: System) -> Iterator[tuple[str, str]]:
    """Device numbers and mount points (proc(5), mountinfo).

    Btrfs and others show a number of their own there, so the mounted device's path is asked as well.
    """
    for line in read_text(process / "mountinfo").splitlines():
        fields, _, rest = line.partition(" - ")
        number, point = fields.split()[2], _unescaped(fields.split()[4])
        yield number, point
        source = _unescaped(rest.split()[1]) if len(rest.split()) > 1 else ""
        if source.startswith("/") and (named := system.number(Path(source))):
            yield named, point


def _swaps(system: System) -> Iterator[tuple[str, str]]:
    for line in read_text(system.proc / "swaps").splitlines()[1:]:
        number = system.number(Path(_unescaped(line.split()[0])))
        if number:
            yield number, "is swap space of the system"


def _loop_backings(system: System) -> Iterator[tuple[str, str]]:
    for backing in (system.sysfs / "block").glob("loop*/loop/backing_file"):
        number = system.number(Path(read_text(backing)))
        if number:
            yield number, f"stands behind {backing.parent.parent.name}"


def _multi_device_members(system: System) -> Iterator[tuple[str, str]]:
    """A mounted btrfs of several devices names only one of them in the mount table."""
    for member in (system.sysfs / "fs/btrfs").glob("*/devices/*"):
        yield read_text(member / "dev"), "belongs to a btrfs that is mounted"


def _started_from(system: System) -> Iterator[tuple[str, str]]:
    """The disk that the kernel was told to start from; behind an overlay its mount may be out of sight."""
    for word in read_text(system.proc / "cmdline").split():
        name, _, value = word.partition("=")
        kind, _, tag = value.partition("=")
        if name not in ("root", "resume"):
            continue
        path = system.dev / f"disk/by-{kind.lower()}" / tag.strip('"') if kind in _BY else Path(value)
        number = system.number(path)
        if number:
            yield number, f"is what the system was started from ({word})"


def _unescaped(text: str) -> str:
    """The kernel writes spaces and the like in octal."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 8)), text)
