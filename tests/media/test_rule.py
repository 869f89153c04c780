"""The rule which disks may be touched, on the buses and with the users that a machine can have."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.media import check_disk
from media_format.errors import Misuse
from media_format.refusal import Code, Refusal
from tests.media.fake_system import SATA_DISK, SD_CARD, USB_DISK, VIRTUAL, FakeSystem, fake_system, write


@pytest.fixture
def system(tmp_path: Path) -> FakeSystem:
    return fake_system(tmp_path)


def stick(system: FakeSystem, **facts: str) -> Path:
    system.usb_port(removable="removable")
    return system.disk("sdb", "8:16", USB_DISK, **facts)


def reason(system: FakeSystem, device: Path, loops: tuple[Path, ...] = ()) -> str:
    with pytest.raises(Refusal) as caught:
        check_disk(device, loops, system)
    assert caught.value.code is Code.MEDIUM_BUSY
    return caught.value.detail


def test_a_usb_stick_may_be_touched(system: FakeSystem) -> None:
    check_disk(stick(system), system=system)


def test_a_usb_stick_that_does_not_call_itself_removable_may_be_touched(system: FakeSystem) -> None:
    check_disk(stick(system, removable="0"), system=system)


def test_an_sd_card_may_be_touched(system: FakeSystem) -> None:
    card = system.disk("mmcblk1", "179:32", SD_CARD, removable="0", device__type="SD")
    check_disk(card, system=system)


def test_a_partition_may_be_touched_like_its_disk(system: FakeSystem) -> None:
    stick(system)
    check_disk(system.partition("sdb", "sdb1", "8:17"), system=system)


def test_a_sata_disk_is_refused_even_if_it_calls_itself_removable(system: FakeSystem) -> None:
    disk = system.disk("sda", "8:0", SATA_DISK, removable="1")
    assert "not on a bus for removable media" in reason(system, disk)


def test_an_emmc_is_refused(system: FakeSystem) -> None:
    disk = system.disk("mmcblk0", "179:0", SD_CARD, device__type="MMC")
    assert "eMMC" in reason(system, disk)


@pytest.mark.parametrize("name", ["mmcblk0boot0", "mmcblk0boot1", "mmcblk0rpmb", "mmcblk0gp1"])
def test_hardware_partitions_of_an_emmc_are_refused(system: FakeSystem, name: str) -> None:
    disk = system.disk(name, "179:8", f"{SD_CARD}/mmcblk0", device__type="SD")
    assert "hardware partition" in reason(system, disk)


def test_a_disk_on_an_internal_usb_port_is_refused(system: FakeSystem) -> None:
    system.usb_port(removable="fixed")
    disk = system.disk("sdb", "8:16", USB_DISK, removable="0")
    assert "built in" in reason(system, disk)


def test_a_card_in_a_built_in_reader_may_be_touched(system: FakeSystem) -> None:
    system.usb_port(removable="fixed")
    check_disk(system.disk("sdb", "8:16", USB_DISK, removable="1"), system=system)


def test_an_empty_card_reader_says_that_there_is_no_medium(system: FakeSystem) -> None:
    with pytest.raises(Refusal, match="no medium in the drive") as caught:
        check_disk(stick(system, size="0"), system=system)
    assert caught.value.code is Code.MEDIUM_PULLED


def test_a_stick_that_is_gone_is_named(system: FakeSystem) -> None:
    device = stick(system)
    (system.sysfs / "dev/block/8:16").unlink()
    with pytest.raises(Refusal) as caught:
        check_disk(device, system=system)
    assert caught.value.code is Code.MEDIUM_PULLED


def test_what_is_no_block_device_is_misuse(system: FakeSystem, tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="not a block device"):
        check_disk(tmp_path, system=system)


def test_a_stick_with_a_mounted_partition_is_refused_as_a_whole(system: FakeSystem) -> None:
    device = stick(system)
    system.partition("sdb", "sdb1", "8:17")
    system.mount("8:17", "/dev/sdb1", "/media/my\\040stick")
    assert reason(system, device).endswith("its partition sdb1 is mounted at /media/my stick")


def test_another_partition_of_a_stick_in_use_is_refused_too(system: FakeSystem) -> None:
    stick(system)
    system.partition("sdb", "sdb1", "8:17")
    other = system.partition("sdb", "sdb2", "8:18")
    system.mount("8:17", "/dev/sdb1", "/mnt")
    assert "sdb1 is mounted at /mnt" in reason(system, other)


def test_a_mount_under_a_number_of_its_own_is_found_by_its_source(system: FakeSystem) -> None:
    device = stick(system)
    system.mount("0:44", str(device), "/mnt")
    assert "mounted at /mnt" in reason(system, device)


def test_a_mount_in_another_mount_namespace_is_found(system: FakeSystem) -> None:
    device = stick(system)
    system.mount("8:16", "/dev/sdb", "/data", process="77")
    (system.proc / "77/ns").mkdir()
    (system.proc / "77/ns/mnt").symlink_to("mnt:[2]")
    assert "mounted at /data in the mount namespace of process 77" in reason(system, device)


def test_the_disk_that_the_system_runs_from_is_named_as_that(system: FakeSystem) -> None:
    device = stick(system)
    system.partition("sdb", "sdb1", "8:17")
    system.mount("8:17", "/dev/sdb1", "/")
    system.mount("8:17", "/dev/sdb1", "/home")
    assert "the system runs from it" in reason(system, device)


def test_the_disk_that_the_kernel_started_from_is_refused_though_no_mount_shows_it(
    system: FakeSystem,
) -> None:
    device = stick(system)
    root = system.partition("sdb", "sdb2", "8:18")
    write(system.proc / "cmdline", f"quiet root={root} rw")
    assert "started from" in reason(system, device)


def test_swap_on_a_partition_is_refused(system: FakeSystem) -> None:
    device = stick(system)
    swap = system.partition("sdb", "sdb1", "8:17")
    write(system.proc / "swaps", f"Filename Type Size Used Priority\n{swap} partition 1 0 -2")
    assert "swap space" in reason(system, device)


@pytest.mark.parametrize("holder", ["dm-0", "md127"])
def test_a_member_of_lvm_or_raid_is_refused(system: FakeSystem, holder: str) -> None:
    device = stick(system)
    system.partition("sdb", "sdb1", "8:17")
    (system.sysfs / "dev/block/8:17/holders" / holder).mkdir()
    assert f"is part of {holder}" in reason(system, device)


def test_a_member_of_a_btrfs_that_another_disk_mounted_is_refused(system: FakeSystem) -> None:
    device = stick(system)
    write(system.sysfs / "fs/btrfs/3b1f/devices/sdb/dev", "8:16")
    assert "btrfs" in reason(system, device)


def test_a_stick_behind_a_loop_device_is_refused(system: FakeSystem) -> None:
    device = stick(system)
    write(system.sysfs / "block/loop3/loop/backing_file", str(device))
    assert "stands behind loop3" in reason(system, device)


def test_a_loop_device_is_touched_only_where_the_configuration_names_it(system: FakeSystem) -> None:
    named = system.disk("loop3", "7:3", VIRTUAL)
    other = system.disk("loop4", "7:4", VIRTUAL)
    check_disk(named, (named,), system)
    assert "configuration does not name" in reason(system, other, (named,))


def test_a_named_loop_device_that_is_mounted_is_refused(system: FakeSystem) -> None:
    named = system.disk("loop3", "7:3", VIRTUAL)
    system.mount("7:3", "/dev/loop3", "/snap")
    assert "mounted at /snap" in reason(system, named, (named,))
