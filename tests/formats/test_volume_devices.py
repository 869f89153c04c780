"""Real block devices: exclusive, write-protected, pulled, with sectors of 512, 4096 and 16384 bytes."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest

from media_format.errors import MachineFault, Misuse
from media_format.refusal import Code, Refusal
from media_format.volume import open_volume
from media_format.volume.descriptor import Descriptor
from media_format.volume.seam import ReadBack
from tests.media.loops import loop_device
from tests.tools import require_root
from tests.volume import images
from tests.volume.images import MIB, Shape
from tests.volume.memory import Memory

pytestmark = pytest.mark.serial


def _big(path: Path, sector: int, partitions: str = "") -> Path:
    shape = Shape(32, 270 * MIB, sector=sector, cluster=max(1, 4096 // sector), partitions=partitions)
    return images.medium(shape).save(path / "medium.img")


@pytest.mark.parametrize("sector", [512, 4096])
def test_a_device_is_written_past_the_page_cache_and_read_back_the_same_way(
    tmp_path: Path, sector: int
) -> None:
    image, data = _big(tmp_path, sector), os.urandom(9 * MIB + 777)
    with loop_device(image, "--sector-size", str(sector)) as device:
        volume = open_volume(device, writable=True)
        ticket = volume.begin("UPDATEBX/PAYLOAD.000", len(data))
        volume.append(ticket, data)
        volume.commit(ticket)
        assert volume.settle() is ReadBack.DIRECT
        assert volume.read_object("UPDATEBX/PAYLOAD.000", len(data)) == data
        volume.close()
    assert images.get(image) == {"UPDATEBX/PAYLOAD.000": data}
    assert images.fsck(Memory.load(image), Shape(32, 270 * MIB)) == ""


def test_a_partition_of_a_device_is_found(tmp_path: Path) -> None:
    with loop_device(_big(tmp_path, 512, "gpt")) as device:
        volume = open_volume(device, writable=False)
        assert volume.info().kind == "fat32"
        volume.close()


def test_a_device_that_somebody_has_opened_is_busy(tmp_path: Path) -> None:
    with loop_device(_big(tmp_path, 512)) as device:
        first = open_volume(device, writable=True)
        with pytest.raises(Refusal) as refused:
            open_volume(device, writable=True)
        first.close()
    assert refused.value.code is Code.MEDIUM_BUSY


def test_a_write_protected_device_is_named(tmp_path: Path) -> None:
    with loop_device(_big(tmp_path, 512), "--read-only") as device:
        reading = open_volume(device, writable=False)
        assert reading.list("") == ()
        reading.close()
        with pytest.raises(Refusal) as refused:
            open_volume(device, writable=True)
    assert refused.value.code is Code.MEDIUM_WRITE_PROTECTED


def test_a_device_that_is_write_protected_while_it_is_open_is_named(tmp_path: Path) -> None:
    with loop_device(_big(tmp_path, 512)) as device:
        volume = open_volume(device, writable=True)
        images.must("blockdev", "--setro", device)
        with pytest.raises(Refusal) as refused:
            volume.begin("FILE.BIN", 1)
        images.must("blockdev", "--setrw", device)
        volume.close()
    assert refused.value.code is Code.MEDIUM_WRITE_PROTECTED


def test_a_large_write_to_a_device_that_became_write_protected_is_named(tmp_path: Path) -> None:
    with loop_device(_big(tmp_path, 512)) as device:
        descriptor = Descriptor.open(device, writable=True)
        images.must("blockdev", "--setro", device)
        with pytest.raises(Refusal) as refused:
            descriptor.write(100 * MIB, bytes(4 * MIB))
        images.must("blockdev", "--setrw", device)
        descriptor.close()
    assert refused.value.code is Code.MEDIUM_WRITE_PROTECTED


@pytest.mark.parametrize(("mode", "kind"), [(0o444, Refusal), (0o644, MachineFault)])
def test_a_file_that_may_not_be_written_is_told_apart_from_one_that_is_write_protected(
    tmp_path: Path, mode: int, kind: type[Exception]
) -> None:
    require_root()  # For root only the file system itself can forbid something.
    image = tmp_path / "medium.img"
    image.write_bytes(bytes(MIB))
    image.chmod(mode)
    images.must("chattr", "+i", image)
    try:
        with pytest.raises(kind, match=r"write-protected|no permission"):
            Descriptor.open(image, writable=True)
    finally:
        images.must("chattr", "-i", image)


@pytest.mark.parametrize("evicted", [False, True])
def test_a_device_whose_medium_is_gone_is_pulled(tmp_path: Path, evicted: bool) -> None:
    image = _big(tmp_path, 512)
    with loop_device(image) as device:
        descriptor = Descriptor.open(device, writable=True)
        if evicted:
            descriptor.evict()
        os.truncate(image, 0)
        with pytest.raises(Refusal) as refused:
            descriptor.read(100 * MIB, 4096)
        assert refused.value.code is Code.MEDIUM_PULLED
        descriptor.close()


def test_a_device_with_larger_sectors_than_pages_is_written_and_read(tmp_path: Path) -> None:
    image = tmp_path / "medium.img"
    image.write_bytes(bytes(8 * MIB))
    with loop_device(image, "--sector-size", "16384") as device:
        descriptor = Descriptor.open(device, writable=True)
        descriptor.write(4096, b"x" * (2 * MIB))
        descriptor.write(3 * MIB, b"y" * (2 * MIB + 4096))
        assert descriptor.evict() is ReadBack.DIRECT
        assert descriptor.read(4000, 200) == bytes(96) + b"x" * 104
        assert descriptor.read(3 * MIB, 2 * MIB + 4096) == b"y" * (2 * MIB + 4096)
        descriptor.close()


def test_where_direct_access_wants_larger_alignment_the_cache_is_dropped_instead(tmp_path: Path) -> None:
    image = tmp_path / "medium.img"
    image.write_bytes(bytes(8 * MIB))
    with loop_device(image, "--sector-size", "16384") as device:
        direct = os.open(device, os.O_RDWR | os.O_DIRECT)
        descriptor = Descriptor(os.open(image, os.O_RDWR), "medium", writable=True, direct=direct)
        descriptor.write(4096, b"x" * (2 * MIB))
        assert descriptor.evict() is ReadBack.FLUSHED
        assert descriptor.read(4096, 2 * MIB) == b"x" * (2 * MIB)
        descriptor.close()


def test_a_partition_at_an_odd_sector_is_written_where_files_want_larger_alignment(tmp_path: Path) -> None:
    require_root()
    host = tmp_path / "host.img"
    with host.open("wb") as file:
        file.truncate(64 * MIB)
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    with loop_device(host, "--sector-size", "4096") as device:
        images.must("mkfs.ext4", "-q", device)
        images.must("mount", device, mounted)
        try:
            path = mounted / "medium.img"
            path.write_bytes(bytes(4 * MIB))
            descriptor = Descriptor.open(path, writable=True)
            descriptor.write(63 * 512, b"z" * (2 * MIB))
            descriptor.evict()
            assert descriptor.read(63 * 512, 2 * MIB) == b"z" * (2 * MIB)
            descriptor.close()
        finally:
            images.must("umount", mounted)


def test_where_a_file_system_has_no_direct_access_that_is_said(tmp_path: Path) -> None:
    require_root()
    images.must("mount", "-t", "ramfs", "none", tmp_path)
    try:
        image = images.medium(Shape(16, 12 * MIB, cluster=4)).save(tmp_path / "medium.img")
        volume = open_volume(image, writable=True)
        ticket = volume.begin("FILE.BIN", 5 * MIB)
        volume.append(ticket, b"r" * (5 * MIB))
        volume.commit(ticket)
        assert volume.settle() is ReadBack.FLUSHED
        assert volume.read_run("FILE.BIN", 4 * MIB, 10) == b"r" * 10
        volume.close()
    finally:
        images.must("umount", tmp_path)


def test_a_volume_of_two_tebibytes_is_counted_and_written_in_little_memory(tmp_path: Path) -> None:
    image = tmp_path / "medium.img"
    with image.open("wb") as file:
        file.truncate(2**41 - 512)
    images.must("mkfs.fat", "-F", "32", "-s", "64", image)
    tracemalloc.start()
    volume = open_volume(image, writable=True)
    assert volume.info().capacity > 2**41 - 2**30
    ticket = volume.begin("FILE.BIN", 5000)
    volume.append(ticket, bytes(5000))
    volume.commit(ticket)
    volume.settle()
    assert volume.read_object("FILE.BIN", 5000) == bytes(5000)
    volume.close()
    assert tracemalloc.get_traced_memory()[1] < 64 * MIB
    tracemalloc.stop()


def test_a_character_device_is_no_medium() -> None:
    with pytest.raises(Misuse):
        Descriptor.open(Path("/dev/null"), writable=False)
