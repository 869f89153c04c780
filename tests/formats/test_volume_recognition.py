"""Where on a medium the FAT volume is, and what stands there instead of one."""

from __future__ import annotations

import struct
import uuid
from pathlib import Path
from typing import Final

import pytest

from media_format.refusal import Code, Refusal
from media_format.volume.fat import FatVolume
from media_format.volume.partition import find_volume
from tests.volume import images
from tests.volume.images import MIB, Shape
from tests.volume.memory import Memory

_SIGNED: Final = (510, b"\x55\xaa")
_LINUX: Final = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"


def _refusal(medium: Memory) -> str:
    with pytest.raises(Refusal) as refused:
        find_volume(medium)
    assert refused.value.code is Code.MEDIUM_UNREADABLE
    return refused.value.detail


def _with(*pieces: tuple[int, bytes], size: int = MIB) -> Memory:
    medium = Memory(size)
    for offset, data in pieces:
        medium.write(offset, data)
    return medium


_TO_GO = uuid.UUID("4967d63b-2e29-4ad8-8399-f6a339e3d001").bytes_le
FOREIGN: Final[dict[str, Memory]] = {
    "exFAT": _with((0, b"\xeb\x76\x90EXFAT   "), _SIGNED),
    "NTFS": _with((0, b"\xeb\x52\x90NTFS    \x00\x02\x08"), _SIGNED),
    "LUKS": _with((0, b"LUKS\xba\xbe\x00\x02")),
    "BitLocker": _with((0, b"\xeb\x58\x90-FVE-FS-\x00\x02\x08"), _SIGNED),
    "XFS": _with((0, b"XFSB")),
    "APFS": _with((32, b"NXSB")),
    "HFS+": _with((1024, b"H+\x00\x04")),
    "F2FS": _with((1024, b"\x10\x20\xf5\xf2")),
    "LVM": _with((512, b"LABELONE")),
    "swap": _with((4086, b"SWAPSPACE2")),
    "ISO 9660": _with((32768, b"\x01CD001\x01"), _SIGNED),
    "Btrfs": _with((65600, b"_BHRfS_M")),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_another_file_system_is_named(name: str) -> None:
    assert name in _refusal(FOREIGN[name])


@pytest.mark.parametrize("name", FOREIGN)
def test_another_file_system_in_a_partition_is_named(name: str) -> None:
    assert name in _refusal(images.partitioned(FOREIGN[name], "gpt"))


def test_a_real_ext4_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ext4.img"
    path.write_bytes(bytes(MIB))
    images.must("mkfs.ext4", "-q", "-F", path)
    assert "ext4" in _refusal(Memory.load(path))


def test_bitlocker_to_go_is_named_although_it_looks_like_fat32() -> None:
    medium = images.medium(Shape(32, MIB))
    medium.write(424, _TO_GO)
    assert "BitLocker To Go" in _refusal(medium)


@pytest.mark.parametrize("content", [b"\0" * 4096, b"\xff" * 4096, b""])
def test_a_blank_medium_is_called_blank(content: bytes) -> None:
    assert "blank" in _refusal(Memory.of(content))


def test_a_medium_of_random_bytes_is_nothing_known() -> None:
    assert "no file system that is known" in _refusal(Memory.of(b"\xa5\x5a\x13" * 4096))


def test_a_partition_table_without_a_fat_partition_is_nothing_known() -> None:
    medium = images.partitioned(Memory(MIB), "dos")
    assert "no file system that is known" in _refusal(medium)


def test_what_is_left_of_an_older_file_system_before_the_partition_does_not_matter() -> None:
    medium = images.medium(Shape(12, 2 * MIB, cluster=4, tables=1, partitions="dos"))
    medium.write(32768, b"\x01CD001\x01")
    assert FatVolume(find_volume(medium)).info().kind == "fat12"


def test_a_fat_that_holds_the_magic_of_another_file_system_is_still_fat() -> None:
    medium = images.medium(Shape(16, 3 * MIB))
    medium.write(1080, b"\x53\xef")
    assert FatVolume(find_volume(medium)).info().kind == "fat16"


def _mbr(*entries: tuple[int, int, int], size: int = 4 * MIB) -> Memory:
    """A partition table by hand: type, first sector, sectors."""
    medium = _with(_SIGNED, size=size)
    for number, (kind, first, count) in enumerate(entries):
        medium.write(446 + 16 * number, struct.pack("<4xB3xLL", kind, first, count))
    return medium


def _place(medium: Memory, volume: Memory, start: int) -> None:
    for page, data in volume.pages.items():
        medium.write(start + page * len(data), data)


def test_the_first_fat_partition_of_several_is_taken() -> None:
    medium = _mbr((0x83, 64, 64), (0x0C, 2048, 512), (0x0C, 4096, 2048))
    _place(medium, images.medium(Shape(12, 256 * 1024)), 2048 * 512)
    _place(medium, images.medium(Shape(12, MIB)), 4096 * 512)
    assert FatVolume(find_volume(medium)).info().capacity < 256 * 1024


def test_partitions_that_reach_past_the_medium_or_are_empty_are_passed_over() -> None:
    medium = _mbr((0x0C, 2048, 0), (0x0C, 0, 8), (0x0C, 8000, 0xFFFFFFFF), (0x0C, 2048, 512))
    _place(medium, images.medium(Shape(12, 256 * 1024)), 2048 * 512)
    assert FatVolume(find_volume(medium)).info().kind == "fat12"


def test_a_volume_larger_than_its_partition_is_refused() -> None:
    medium = _mbr((0x0C, 2048, 256))
    _place(medium, images.medium(Shape(12, 256 * 1024)), 2048 * 512)
    with pytest.raises(Refusal, match="larger than the medium"):
        FatVolume(find_volume(medium))


def test_an_ext4_partition_behind_a_boot_partition_is_left_alone() -> None:
    medium = _mbr((0x83, 4096, 2048), (0x0C, 2048, 512))
    _place(medium, images.medium(Shape(12, 256 * 1024)), 2048 * 512)
    medium.write(4096 * 512 + 1080, b"\x53\xef")
    assert FatVolume(find_volume(medium)).info().kind == "fat12"


def _gpt(sector: int, *, size: int = 128, count: int = 128, table: int = 2, places: int = 1) -> Memory:
    """A GPT by hand for media of any sector size, with a FAT volume at 1 MiB."""
    medium = _mbr((0xEE, 1, 0xFFFFFFFF))
    medium.write(sector, b"EFI PART".ljust(72, b"\0") + struct.pack("<QLL", table, count, size))
    data = uuid.UUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7").bytes_le
    for place in range(places):
        entry = struct.pack("<16s16xQQ", data, MIB // sector, 2 * MIB // sector - 1)
        medium.write(table * sector + place * size, entry)
    _place(medium, images.medium(Shape(12, MIB)), MIB)
    return medium


@pytest.mark.parametrize("sector", [512, 4096])
def test_a_gpt_counts_in_the_sectors_of_its_medium(sector: int) -> None:
    assert FatVolume(find_volume(_gpt(sector))).info().kind == "fat12"


@pytest.mark.parametrize("size", [0, 64, 8192, 0xFFFFFFFF])
def test_a_gpt_with_absurd_entries_is_refused(size: int) -> None:
    medium = _gpt(512)
    medium.write(512 + 84, struct.pack("<L", size))
    assert "makes no sense" in _refusal(medium)


def test_a_gpt_whose_table_is_nowhere_is_refused() -> None:
    medium = _gpt(512)
    medium.write(512 + 72, struct.pack("<Q", 2**63))
    assert "makes no sense" in _refusal(medium)


def test_a_gpt_with_four_billion_entries_is_read_in_part() -> None:
    medium = _gpt(512)
    medium.write(512 + 80, struct.pack("<L", 0xFFFFFFFF))
    assert FatVolume(find_volume(medium)).info().kind == "fat12"


def test_a_gpt_without_a_header_is_damaged() -> None:
    assert "damaged" in _refusal(_mbr((0xEE, 1, 0xFFFFFFFF)))
    assert "damaged" in _refusal(_mbr((0xEE, 1, 0xFFFFFFFF), size=512))


def test_a_gpt_with_linux_alone_says_so() -> None:
    medium = _gpt(512, places=0)
    entry = struct.pack("<16s16xQQ", uuid.UUID(_LINUX).bytes_le, 4096, 5000)
    medium.write(1024, entry)
    medium.write(4096 * 512 + 1080, b"\x53\xef")
    assert "ext4" in _refusal(medium)
