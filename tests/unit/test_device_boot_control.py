from __future__ import annotations

from pathlib import Path

import pytest

from appliance.device.boot_control import BootControl, open_boot_control
from appliance.device.storage import DiskStorage
from media_format.errors import Misuse
from media_format.refusal import Code, Refusal


@pytest.fixture
def boot(tmp_path: Path) -> BootControl:
    return open_boot_control("file", tmp_path, ("rootfs", "kernel"), DiskStorage())


def test_a_new_device_boots_bank_a(boot: BootControl) -> None:
    assert boot.state().running == {"rootfs": 0, "kernel": 0}
    assert not boot.state().on_trial


def test_a_trial_does_not_run_before_it_is_booted(boot: BootControl) -> None:
    boot.try_banks({"rootfs": 1}, 3)
    assert boot.state().banks == {"rootfs": 1, "kernel": 0}
    assert boot.state().running == {"rootfs": 0, "kernel": 0}
    assert boot.boot().running == {"rootfs": 1, "kernel": 0}


def test_every_boot_of_a_trial_uses_up_a_try(boot: BootControl) -> None:
    boot.try_banks({"rootfs": 1}, 2)
    assert [boot.boot().tries for _ in range(3)] == [1, 0, 0]


def test_a_confirmed_trial_stays_and_keeps_the_way_back(boot: BootControl) -> None:
    boot.try_banks({"rootfs": 1}, 2)
    boot.boot()
    boot.confirm()
    assert not boot.state().on_trial
    assert boot.state().running["rootfs"] == 1
    boot.fall_back()
    assert boot.state().running["rootfs"] == 0


def test_falling_back_leads_one_step_back_and_no_further(boot: BootControl) -> None:
    boot.try_banks({"rootfs": 1}, 2)
    boot.fall_back()
    boot.fall_back()
    assert boot.state().banks["rootfs"] == 0
    assert boot.state().previous is None


def test_a_second_trial_falls_back_to_what_ran(boot: BootControl) -> None:
    boot.try_banks({"rootfs": 1}, 2)
    boot.try_banks({"kernel": 1}, 2)
    assert boot.state().previous == {"rootfs": 0, "kernel": 0}


def test_a_damaged_file_is_a_refusal(boot: BootControl, tmp_path: Path) -> None:
    (tmp_path / "boot.cbor").write_bytes(b"\xff\x00")
    with pytest.raises(Refusal) as refused:
        boot.state()
    assert refused.value.code is Code.BOOT_CONTROL_FAILED


def test_an_unknown_boot_control_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="coreboot"):
        open_boot_control("coreboot", tmp_path, ("rootfs",), DiskStorage())
