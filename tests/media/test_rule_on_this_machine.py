"""The rule, for real: what this machine runs from, and loop devices in every kind of use."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from appliance.media import check_disk, open_medium
from media_format.refusal import Code, Refusal
from tests.media.loops import empty_image, loop_device, run
from tests.tools import missing, require

pytestmark = pytest.mark.serial
MIB = 1024 * 1024


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Path]:
    with loop_device(empty_image(tmp_path / "medium.img", 16 * MIB)) as device:
        yield device


def refused(device: Path, *loops: Path) -> str:
    with pytest.raises(Refusal) as caught:
        check_disk(device, loops)
    assert caught.value.code is Code.MEDIUM_BUSY
    return caught.value.detail


def test_the_disk_that_this_machine_runs_from_is_refused() -> None:
    number = os.stat("/").st_dev
    name = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}").resolve().name
    device = Path("/dev") / name
    if not device.is_block_device():
        missing("the root file system is on no block device")
    assert "mounted at" in refused(device) or "part of" in refused(device)


def test_a_compressed_memory_disk_is_refused() -> None:
    device = Path("/dev/zram0")
    if not device.is_block_device():
        missing("there is no zram device")
    assert refused(device)


def test_a_loop_device_that_nobody_named_is_refused(loop: Path) -> None:
    assert "configuration does not name" in refused(loop)


def test_a_loop_device_that_the_configuration_names_may_be_touched(loop: Path) -> None:
    check_disk(loop, [loop])


def test_a_loop_device_named_through_a_link_may_be_touched(loop: Path, tmp_path: Path) -> None:
    link = tmp_path / "bay-1"
    link.symlink_to(loop)
    check_disk(link, [link])
    check_disk(loop, [link])


def test_a_mounted_loop_device_is_refused_by_its_mount_point(loop: Path, tmp_path: Path) -> None:
    point = tmp_path / "mount point"
    point.mkdir()
    run(require("mkfs.ext4"), "-q", str(loop))
    with ExitStack() as stack:
        run(require("mount"), str(loop), str(point))
        stack.callback(run, require("umount"), str(point))
        assert f"mounted at {point}" in refused(loop, loop)


def test_a_loop_device_mounted_in_another_mount_namespace_is_refused(loop: Path, tmp_path: Path) -> None:
    run(require("mkfs.ext4"), "-q", str(loop))
    script = f"mount {loop} {tmp_path} && echo mounted && read line"
    command = [require("unshare"), "--mount", "sh", "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == "mounted\n"
        detail = refused(loop, loop)
        other.stdin.write("\n")
    assert f"mounted at {tmp_path} in the mount namespace of process" in detail


def test_a_loop_device_used_as_swap_is_refused(loop: Path) -> None:
    run(require("mkswap"), str(loop))
    with ExitStack() as stack:
        run(require("swapon"), str(loop))
        stack.callback(run, require("swapoff"), str(loop))
        assert "swap space" in refused(loop, loop)


def test_a_disk_behind_a_loop_device_is_refused(loop: Path) -> None:
    with loop_device(loop) as above:
        assert f"stands behind {above.name}" in refused(loop, loop)


def test_a_device_that_somebody_holds_for_himself_is_refused(loop: Path) -> None:
    holder = os.open(loop, os.O_RDONLY | os.O_EXCL)
    try:
        with pytest.raises(Refusal) as caught:
            open_medium(loop, writable=True, loops=[loop])
    finally:
        os.close(holder)
    assert caught.value.code is Code.MEDIUM_BUSY
