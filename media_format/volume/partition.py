"""Finding the FAT volume on a medium: the whole of it, or a partition of an MBR or GPT.

What is there instead is recognised and named, so that a person knows what to do.
"""

from __future__ import annotations

import struct
import uuid
from typing import Final

from media_format.refusal import Code, Refusal
from media_format.volume.descriptor import Blocks, Window
from media_format.volume.geometry import looks_like_fat

_FAT_TYPES: Final = {0x01, 0x04, 0x06, 0x0B, 0x0C, 0x0E}
_PROTECTIVE: Final = 0xEE
_GPT_TYPES: Final = {
    uuid.UUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7").bytes_le,  # basic data
    uuid.UUID("c12a7328-f81f-11d2-ba4b-00a0c93ec93b").bytes_le,  # EFI system partition
}
_SECTORS: Final = (512, 4096)
_MAX_GPT_ENTRIES: Final = 128
_FOREIGN: Final = (
    (3, b"EXFAT   ", "exFAT"),
    (3, b"NTFS    ", "NTFS"),
    (0, b"LUKS\xba\xbe", "an encrypted volume (LUKS)"),
    (3, b"-FVE-FS-", "an encrypted volume (BitLocker)"),
    (1024 + 56, b"\x53\xef", "ext2, ext3 or ext4"),
)


def find_volume(blocks: Blocks) -> Blocks:
    """The part of the medium that holds a FAT volume.

    Raises Refusal(medium-unreadable) that names what was found instead.
    """
    head = blocks.read(0, min(blocks.size, 4096))
    if looks_like_fat(head[:512]):
        return blocks
    _refuse_foreign(head)
    if len(head) < 512 or head[510:512] != b"\x55\xaa":
        raise _unreadable("it holds no file system that is known here")
    for start, size in _partitions(blocks, head):
        if size and start + size <= blocks.size:
            part = Window(blocks, start, size)
            first = part.read(0, min(size, 4096))
            if looks_like_fat(first[:512]):
                return part
            _refuse_foreign(first)
    raise _unreadable("none of its partitions holds a FAT volume")


def _partitions(blocks: Blocks, head: bytes) -> list[tuple[int, int]]:
    """Start and size in bytes of the partitions that may hold FAT."""
    found = []
    for number in range(4):
        kind, first, count = struct.unpack_from("<4xB3xLL", head, 446 + 16 * number)
        if kind == _PROTECTIVE:
            return _gpt_partitions(blocks)
        if kind in _FAT_TYPES:
            # The unit is the medium's logical sector, which an image file does not tell.
            found += [(first * sector, count * sector) for sector in _SECTORS]
        elif kind == 0x07:
            found += [(first * sector, count * sector) for sector in _SECTORS]
    return found


def _gpt_partitions(blocks: Blocks) -> list[tuple[int, int]]:
    """UEFI specification 2.10, section 5.3."""
    for sector in _SECTORS:
        if blocks.size < 2 * sector:
            continue
        header = blocks.read(sector, 512)
        if not header.startswith(b"EFI PART"):
            continue
        table, count, size = struct.unpack_from("<QLL", header, 72)
        if size < 128 or size > 4096 or (table * sector) + min(count, _MAX_GPT_ENTRIES) * size > blocks.size:
            raise _unreadable("its partition table makes no sense")
        entries = blocks.read(table * sector, min(count, _MAX_GPT_ENTRIES) * size)
        found = []
        for at in range(0, len(entries), size):
            kind, first, last = struct.unpack_from("<16s16xQQ", entries, at)
            if kind in _GPT_TYPES and first <= last:
                found.append((first * sector, (last - first + 1) * sector))
        return found
    raise _unreadable("its partition table is damaged")


def _refuse_foreign(head: bytes) -> None:
    for offset, magic, name in _FOREIGN:
        if head[offset : offset + len(magic)] == magic:
            raise _unreadable(f"it holds {name}, and FAT is needed")


def _unreadable(why: str) -> Refusal:
    return Refusal(Code.MEDIUM_UNREADABLE, f"the medium cannot be used: {why}")
