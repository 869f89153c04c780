"""Formatting a medium: one FAT partition that every system reads.

The partition table is an MBR with one entry: firmware of devices and cameras looks for it, Windows
ignores the others. The partition begins at 4 MiB, an erase block of common flash. It is FAT32, or
FAT16 where there are too few clusters for that (below 64 MiB).

mkfs.fat never sees the disk. It makes the file system in memory, and what it wrote is copied to the one
descriptor that the rule was asked about: no other disk can be met, whatever happens to device names
meanwhile.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import struct
import subprocess
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.media.capacity import check_fully, check_quickly
from appliance.media.opening import open_disk
from media_format.errors import MachineFault, Misuse
from media_format.limits import MIB
from media_format.progress import Progress, Report, silent
from media_format.refusal import Code, Refusal
from media_format.volume.descriptor import Descriptor
from media_format.volume.fat import FatVolume
from media_format.volume.seam import ReadBack

LABEL: Final = "UPDATEBOX"
MIN_SIZE: Final = 16 * MIB
_START: Final = 4 * MIB
_WIDE: Final = 128 * 1024
"""Sectors from which on there are enough clusters for FAT32, whose number tells it from FAT16."""
_EDGE: Final = MIB
"""At both ends of a medium: partition tables and the signatures of other file systems."""
_MAX_SECTORS: Final = 2**32 - 1
_BULK: Final = 4 * MIB
_PHASE: Final = "format"
_BLKRRPART: Final = 0x125F
_LABEL: Final = re.compile(r"[A-Z0-9_-]{1,11}")
_FAT16_LBA, _FAT32_LBA = 0x0E, 0x0C


@dataclass(frozen=True, slots=True)
class Formatted:
    """What a medium is now. Sizes in bytes; `check` is the capacity check that it passed."""

    path: Path
    size: int
    kind: str
    label: str
    capacity: int
    cluster: int
    check: str
    read_back: ReadBack


def format_medium(
    path: Path,
    *,
    loops: Collection[Path] = (),
    label: str = LABEL,
    image: bool = False,
    full: bool = False,
    report: Report = silent,
) -> Formatted:
    """Make a medium ready for use; everything on it is lost.

    An image file is formatted only where `image` says so. `full` writes and reads back every block
    before, otherwise the capacity is checked by samples. Raises Refusal(medium-busy),
    (medium-write-protected), (medium-full) for one below 16 MiB and (medium-fake-capacity), all before
    anything on it is changed for good (a full check changes everything).
    """
    if not _LABEL.fullmatch(label):
        raise Misuse(f"{label!r}: a label has 1 to 11 of A to Z, 0 to 9, '-' and '_'")
    if path.is_file() and not image:
        raise Misuse(f"{path} is a file; to format an image file, say so (--image)")
    if path.is_dir():
        raise Misuse(f"{path} is a directory; name the device that is mounted there, after unmounting it")
    disk = open_disk(path, writable=True, loops=loops)
    try:
        if disk.size < MIN_SIZE:
            raise Refusal(Code.MEDIUM_FULL, f"{path}: {disk.size} bytes are too few for an update")
        with _made_in_memory(disk, label) as volume:
            info = FatVolume(volume).info()
            table = _partition_table(disk.sector, volume.size)
            (check_fully if full else check_quickly)(disk, report)
            _write(disk, table, volume, report)
            read_back = _read_back(disk, table, volume, path)
        _tell_kernel(disk)
    finally:
        disk.close()
    check = "full" if full else "quick"
    return Formatted(path, disk.size, info.kind, label, info.capacity, info.cluster, check, read_back)


@contextmanager
def _made_in_memory(disk: Descriptor, label: str) -> Iterator[Descriptor]:
    """The new file system, as mkfs.fat makes it: a sparse file of the partition's size in memory."""
    sectors = min(disk.size // disk.sector, _MAX_SECTORS)
    size = sectors * disk.sector - _START
    made = os.memfd_create("volume")
    try:
        os.truncate(made, size)
        bits = "32" if size // disk.sector >= _WIDE else "16"
        options = ["-F", bits, "-S", str(disk.sector), "-h", str(_START // disk.sector), "-n", label]
        done = subprocess.run(
            [_mkfs(), *options, f"/proc/self/fd/{made}"],
            pass_fds=[made],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise MachineFault(f"mkfs.fat failed: {(done.stderr or done.stdout).strip()}")
        volume = Descriptor(made, "the new volume", writable=False)
    except BaseException:
        os.close(made)
        raise
    try:
        yield volume
    finally:
        volume.close()


def _mkfs() -> str:
    """A user's search path need not name the system's folders."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))
    found = shutil.which("mkfs.fat", path=path)
    if found is None:
        raise MachineFault("mkfs.fat is not installed (package dosfstools)")
    return found


def _partition_table(sector: int, size: int) -> bytes:
    """An MBR with one partition of `size` bytes, addressed by logical sectors of `sector` bytes."""
    kind = _FAT32_LBA if size // sector >= _WIDE else _FAT16_LBA
    # Cylinders, heads and sectors are all at their highest: "see the sector numbers".
    entry = struct.pack(
        "<B3sB3sLL", 0, b"\xfe\xff\xff", kind, b"\xfe\xff\xff", _START // sector, size // sector
    )
    return bytes(440) + os.urandom(4) + bytes(2) + entry.ljust(64, b"\0") + b"\x55\xaa"


def _write(disk: Descriptor, table: bytes, volume: Descriptor, report: Report) -> None:
    """The partition table comes last: cut before that, the medium holds nothing, and says so."""
    disk.write(0, bytes(_START))
    disk.write(disk.size - _EDGE, bytes(_EDGE))
    disk.sync()
    end = _end(volume)
    for offset, length in _runs(end):
        disk.write(_START + offset, volume.read(offset, length))
        report(Progress(_PHASE, offset + length, end))
    disk.sync()
    disk.write(0, table)
    disk.sync()


def _read_back(disk: Descriptor, table: bytes, volume: Descriptor, path: Path) -> ReadBack:
    how = disk.evict()
    good = disk.read(0, len(table)) == table
    for offset, length in _runs(_end(volume)):
        good = good and disk.read(_START + offset, length) == volume.read(offset, length)
    if not good:
        raise Refusal(Code.MEDIUM_UNREADABLE, f"{path}: it does not hold what was written to it")
    return how


def _end(volume: Descriptor) -> int:
    """Where the last thing that mkfs.fat wrote ends; what it left out before that is zeros, and counts."""
    (fd, *_), end = volume.handles(), 0
    with suppress(OSError):  # there is no data behind the last
        while True:
            end = os.lseek(fd, os.lseek(fd, end, os.SEEK_DATA), os.SEEK_HOLE)
    return min(end, volume.size)


def _runs(end: int) -> Iterator[tuple[int, int]]:
    return ((offset, min(_BULK, end - offset)) for offset in range(0, end, _BULK))


def _tell_kernel(disk: Descriptor) -> None:
    """Let the kernel read the partition table again; a loop device without partitions has none to read."""
    with suppress(OSError):
        fcntl.ioctl(disk.handles()[0], _BLKRRPART)
