"""Boot sectors that make no sense, and images that end too early."""

from __future__ import annotations

import pytest

from media_format.refusal import Code
from tests.volume import images
from tests.volume.hostile import answer_of, small
from tests.volume.images import Shape
from tests.volume.memory import Memory
from tests.volume.surgery import CONTENT, Surgeon, patient

BOOT: dict[str, tuple[int, str, int]] = {
    "sectors of no bytes": (11, "H", 0),
    "sectors of 513 bytes": (11, "H", 513),
    "sectors of 32 KiB": (11, "H", 32768),
    "clusters of no sectors": (13, "B", 0),
    "clusters of three sectors": (13, "B", 3),
    "no reserved sectors": (14, "H", 0),
    "more reserved sectors than there are": (14, "H", 0xFFFF),
    "no FAT": (16, "B", 0),
    "255 FATs": (16, "B", 255),
    "a jump to nowhere": (0, "B", 0),
    "no signature": (510, "H", 0),
}
WIDE: dict[str, tuple[int, str, int]] = {
    "no sectors": (32, "L", 0),
    "2^32 - 1 sectors": (32, "L", 0xFFFFFFFF),
    "one sector more than there is": (32, "L", 73729),
    "a FAT of no sectors": (36, "L", 0),
    "a FAT of 2^32 - 1 sectors": (36, "L", 0xFFFFFFFF),
    "a FAT too short": (36, "L", 1),
    "root entries on FAT32": (17, "H", 512),
    "a root at cluster 0": (44, "L", 0),
    "a root at cluster 1": (44, "L", 1),
    "a root behind the end": (44, "L", 0x00FFFFFF),
    "a root at 2^32 - 1": (44, "L", 0xFFFFFFFF),
    "a version of the future": (42, "H", 1),
    "a FAT chosen by flag": (40, "H", 0x81),
}
NARROW: dict[str, tuple[int, str, int]] = {
    "no root entries": (17, "H", 0),
    "a FAT of 65535 sectors": (22, "H", 65535),
    "a FAT too short": (22, "H", 1),
    "more sectors than the medium": (19, "H", 65535),
}


@small
@pytest.mark.parametrize("field", BOOT)
def test_a_boot_sector_that_makes_no_sense_is_refused(shape: Shape, field: str) -> None:
    medium = patient(shape)
    Surgeon(medium).boot(*BOOT[field])
    assert answer_of(medium) is Code.MEDIUM_UNREADABLE


@pytest.mark.parametrize("field", WIDE)
def test_a_fat32_boot_sector_that_makes_no_sense_is_refused(field: str) -> None:
    medium = patient(Shape(32, 36 * images.MIB))
    Surgeon(medium).boot(*WIDE[field])
    assert answer_of(medium) is Code.MEDIUM_UNREADABLE


@pytest.mark.parametrize("field", NARROW)
def test_a_fat16_boot_sector_that_makes_no_sense_is_refused(field: str) -> None:
    medium = patient(images.SMALL[1])
    Surgeon(medium).boot(*NARROW[field])
    assert answer_of(medium) is Code.MEDIUM_UNREADABLE


@pytest.mark.parametrize(("offset", "width", "value"), [(13, "B", 128), (17, "H", 65535)])
def test_a_boot_sector_that_puts_the_files_elsewhere_finds_none(offset: int, width: str, value: int) -> None:
    medium = patient(images.SMALL[1])
    Surgeon(medium).boot(offset, width, value)
    assert answer_of(medium) in (Code.MEDIUM_UNREADABLE, Code.TRUNCATED)


def test_a_free_space_sector_that_is_nowhere_is_done_without() -> None:
    medium = patient(images.SMALL[2])
    Surgeon(medium).boot(48, "H", 0xFFFF)
    assert answer_of(medium) == CONTENT


@small
def test_an_image_cut_short_is_refused(shape: Shape) -> None:
    whole = patient(shape)
    for size in (0, 1, 511, 512, 4096, whole.size - 4096):
        assert answer_of(
            whole.part(0, size // 4096 * 4096) if size >= 4096 else Memory.of(whole.read(0, size))
        ) is (Code.MEDIUM_UNREADABLE)
