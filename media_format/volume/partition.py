"""Finding the FAT volume on a medium: the whole of it, or a partition of an MBR or GPT.

What is there instead is recognised and named, so that a person knows what to do.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Sequence
from typing import Final

from media_format.refusal import Code, Refusal
from media_format.volume.blocks import Blocks, Window
from media_format.volume.geometry import looks_like_fat

_FAT_TYPES: Final = frozenset({0x01, 0x04, 0x06, 0x07, 0x0B, 0x0C, 0x0E})
"""0x07 is what exFAT and NTFS use: worth a look, if only to name them."""
_PROTECTIVE: Final = 0xEE
_GPT_TYPES: Final = (
    uuid.UUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7").bytes_le,
    uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b").bytes_le,
)
"""Basic data, and after it the EFI system partition: macOS puts an empty one before the data."""
_SECTORS: Final = (512, 4096)
_MAX_GPT_ENTRIES: Final = 128
_FOREIGN: Final = (
    (3, b"EXFAT   ", "exFAT"),
    (3, b"NTFS    ", "NTFS"),
    (0, b"LUKS\xba\xbe", "an encrypted volume (LUKS)"),
    (3, b"-FVE-FS-", "an encrypted volume (BitLocker)"),
    # BitLocker To Go dresses up as FAT32, so that old systems find its reader.
    (
        424,
        uuid.UUID("4967d63b-2e29-4ad8-8399-f6a339e3d001").bytes_le,
        "an encrypted volume (BitLocker To Go)",
    ),
    (1024 + 56, b"\x53\xef", "ext2, ext3 or ext4"),
    (0, b"XFSB", "XFS"),
    (32, b"NXSB", "APFS"),
    (1024, b"H+", "HFS+"),
    (1024, b"HX", "HFS+"),
    (1024, b"\x10\x20\xf5\xf2", "F2FS"),
    (512, b"LABELONE", "a part of an LVM volume group"),
    (4096 - 10, b"SWAPSPACE2", "swap space of a Linux system"),
    (32768 + 1, b"CD001", "the image of an optical disc (ISO 9660)"),
    (65536 + 64, b"_BHRfS_M", "Btrfs"),
)
_BOOT: Final = 512
_HEAD: Final = 65536 + 4096
"""As far as the last of these reaches."""


def find_volume(blocks: Blocks) -> Blocks:
    """The part of the medium that holds a FAT volume.

    Raises Refusal(medium-unreadable) that names what was found instead.
    """
    head = _head(blocks)
    # Behind a partition table may lie what is left of an older file system: it is named last.
    _refuse_foreign(head[:_BOOT])
    if looks_like_fat(head):
        return blocks
    if head[510:512] == b"\x55\xaa":
        part = _find_partition(blocks, head)
        if part is not None:
            return part
    _refuse_foreign(head)
    if not head.strip(b"\0") or not head.strip(b"\xff"):
        raise _unreadable("it is blank, and must be formatted first")
    raise _unreadable("it holds no file system that is known here")


def _find_partition(blocks: Blocks, head: bytes) -> Blocks | None:
    wanted, others = _partitions(blocks, head)
    for start, size in (*wanted, *others):
        if start == 0 or size == 0 or start + size > blocks.size:
            continue
        part = Window(blocks, start, size)
        if _holds_fat(_head(part)) and (start, size) in wanted:
            return part
    return None


def _head(blocks: Blocks) -> bytes:
    return blocks.read(0, min(blocks.size, _HEAD))


def _partitions(blocks: Blocks, head: bytes) -> tuple[Sequence[tuple[int, int]], Sequence[tuple[int, int]]]:
    """Start and size in bytes of the partitions that may hold FAT, and of those that are only named."""
    wanted: list[tuple[int, int]] = []
    others: list[tuple[int, int]] = []
    for number in range(4):
        kind, first, count = struct.unpack_from("<4xB3xLL", head, 446 + 16 * number)
        if kind == _PROTECTIVE:
            return _gpt_partitions(blocks)
        # The unit is the medium's logical sector, which an image file does not tell.
        places = [(first * sector, count * sector) for sector in _SECTORS]
        if kind in _FAT_TYPES:
            wanted += places
        elif kind:
            others += places
    return wanted, others


def _gpt_partitions(blocks: Blocks) -> tuple[Sequence[tuple[int, int]], Sequence[tuple[int, int]]]:
    """UEFI specification 2.10, section 5.3."""
    for sector in _SECTORS:
        if blocks.size < sector + 512:
            break
        header = blocks.read(sector, 512)
        if not header.startswith(b"EFI PART"):
            continue
        table, count, size = struct.unpack_from("<QLL", header, 72)
        length = min(count, _MAX_GPT_ENTRIES) * size
        if size < 128 or size > 4096 or table * sector + length > blocks.size:
            raise _unreadable("its partition table makes no sense")
        entries = blocks.read(table * sector, length)
        found: list[tuple[bytes, int, int]] = []
        for at in range(0, len(entries), size):
            kind, first, last = struct.unpack_from("<16s16xQQ", entries, at)
            if any(kind) and first <= last:
                found.append((kind, first * sector, (last - first + 1) * sector))
        wanted = [place[1:] for kind in _GPT_TYPES for place in found if place[0] == kind]
        return wanted, [place[1:] for place in found if place[0] not in _GPT_TYPES]
    raise _unreadable("its partition table is damaged")


def _holds_fat(head: bytes) -> bool:
    """Whether a partition begins like a FAT volume; Refusal if it begins like something else."""
    fat = looks_like_fat(head)
    # Behind the boot sector of a FAT12 or FAT16 volume comes its FAT, which may hold any bytes.
    _refuse_foreign(head[:_BOOT] if fat else head)
    return fat


def _refuse_foreign(head: bytes) -> None:
    for offset, magic, name in _FOREIGN:
        if head[offset : offset + len(magic)] == magic:
            raise _unreadable(f"it holds {name}, and FAT is needed")


def _unreadable(why: str) -> Refusal:
    return Refusal(Code.MEDIUM_UNREADABLE, f"the medium cannot be used: {why}")
