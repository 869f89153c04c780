"""Formatting: what comes out is read by everybody, and nothing is lost before the medium is known good."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.media import open_medium
from appliance.media.formatting import format_medium
from media_format.errors import Misuse
from media_format.progress import Progress
from media_format.refusal import Code, Refusal
from tests.media.loops import empty_image, loop_device, run
from tests.tools import require

MIB = 1024 * 1024


def fsck(image: Path, size: int, folder: Path) -> str:
    """What fsck.fat says of the partition at 4 MiB."""
    part = empty_image(folder / "part.img", size - 4 * MIB)
    run(require("dd"), f"if={image}", f"of={part}", "bs=4M", "skip=1", "conv=notrunc,sparse", "status=none")
    return run(require("fsck.fat"), "-n", "-v", str(part)).stdout


@pytest.mark.parametrize(("size", "kind"), [(16, "fat16"), (67, "fat16"), (68, "fat32"), (300, "fat32")])
def test_a_formatted_medium_is_in_order_for_fsck(tmp_path: Path, size: int, kind: str) -> None:
    image = empty_image(tmp_path / "medium.img", size * MIB)
    assert format_medium(image, image=True).kind == kind
    said = fsck(image, size * MIB, tmp_path)
    assert " 0 files" in said or "0/" in said or "1 files" in said
    assert "Reclaim" not in said and "differ" not in said


def test_other_programs_find_the_partition_and_can_write_to_it(tmp_path: Path) -> None:
    image = empty_image(tmp_path / "medium.img", 100 * MIB)
    format_medium(image, image=True, label="BAY-1")
    table = run(require("sfdisk"), "--dump", str(image)).stdout
    assert "start=        8192" in table and "type=c" in table
    (tmp_path / "README.TXT").write_text("hello\n")
    run(require("mcopy"), "-i", f"{image}@@4M", str(tmp_path / "README.TXT"), "::/")
    volume = open_medium(image, writable=False)
    assert (volume.info().label, volume.read_object("README.TXT", 100)) == ("BAY-1", b"hello\n")
    volume.close()


def test_what_was_on_the_medium_before_is_nowhere_to_be_recognised(tmp_path: Path) -> None:
    image = empty_image(tmp_path / "medium.img", 100 * MIB)
    run(require("sfdisk"), str(image), stdin="label: gpt\n,50M\n,\n")
    run(require("mkfs.ext4"), "-q", "-F", "-E", "offset=4194304", str(image), "90M")
    format_medium(image, image=True)
    assert "PTTYPE" in run(require("blkid"), "--probe", str(image)).stdout
    assert "gpt" not in run(require("blkid"), "--probe", str(image)).stdout
    assert 'TYPE="vfat"' in run(require("blkid"), "--probe", "--offset", "4194304", str(image)).stdout


@pytest.mark.serial
def test_a_block_device_is_formatted_with_its_own_sector_size(tmp_path: Path) -> None:
    image = empty_image(tmp_path / "medium.img", 600 * MIB)
    with loop_device(image, "--sector-size", "4096") as device:
        assert format_medium(device, loops=[device]).kind == "fat32"
        volume = open_medium(device, writable=True, loops=[device])
        assert volume.info().free > 590 * MIB
        volume.close()


def test_a_full_check_is_said_in_the_result(tmp_path: Path) -> None:
    image = empty_image(tmp_path / "medium.img", 16 * MIB)
    assert format_medium(image, image=True, full=True).check == "full"


@pytest.mark.serial
def test_a_write_protected_medium_is_refused(tmp_path: Path) -> None:
    with loop_device(empty_image(tmp_path / "medium.img", 16 * MIB), "--read-only") as device:
        with pytest.raises(Refusal) as caught:
            format_medium(device, loops=[device])
        assert caught.value.code is Code.MEDIUM_WRITE_PROTECTED


def test_a_medium_that_is_too_small_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        format_medium(empty_image(tmp_path / "medium.img", 15 * MIB), image=True)
    assert caught.value.code is Code.MEDIUM_FULL


def test_a_file_is_not_formatted_by_accident(tmp_path: Path) -> None:
    path = tmp_path / "thesis.odt"
    path.write_bytes(os.urandom(20 * MIB))
    before = path.read_bytes()
    with pytest.raises(Misuse, match="--image"):
        format_medium(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("label", ["", "longer than 11", "bay", "Ü"])
def test_a_label_that_fat_cannot_hold_is_misuse(tmp_path: Path, label: str) -> None:
    with pytest.raises(Misuse, match="label"):
        format_medium(empty_image(tmp_path / "medium.img", 16 * MIB), image=True, label=label)


def test_formatting_says_how_far_it_is(tmp_path: Path) -> None:
    seen: list[Progress] = []
    format_medium(empty_image(tmp_path / "medium.img", 100 * MIB), image=True, report=seen.append)
    assert [step.phase for step in seen if step.done == step.total] == ["check capacity", "format"]
