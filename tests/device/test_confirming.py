"""A confirmation that the power cut off is finished before anything else is decided."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from appliance.device import Device
from media_format.errors import Misuse
from media_format.objects import Outcome
from media_format.refusal import Code
from tests.device.medium import flip, kept_receipts, packages
from tests.device.power import Cut, Power, device_on
from tests.trust_world import refused
from tests.workshop import Workshop, apply, ask, now, only


def cut_off(tmp_path: Path) -> tuple[Workshop, Device, dict[str, Path]]:
    """A device whose boot control calls release 2.0 good while its record does not; sticks for all three."""
    shop = Workshop(tmp_path)
    box, device = shop.box(), shop.device()
    asked = shop.medium("asked")
    ask(device, asked)
    sticks = {}
    for version in ("1.0", "2.0", "3.0"):
        box.take(shop.release(version, security_floor=2 if version == "2.0" else 0))
        sticks[version] = tmp_path / version
        shutil.copytree(asked, sticks[version])
        box.write(sticks[version], "pump-17")
    assert only(apply(device, sticks["2.0"])).outcome is Outcome.INSTALLED
    device.verify_boot()
    with pytest.raises(Cut):
        device_on(Power(fails_at=1), shop.device_folder()).confirm()
    device = Device.open(shop.device_folder(), now)
    assert (device.status().on_trial, device.status().pending) == (False, "2.0")
    return shop, device, sticks


def test_a_broken_newer_release_does_not_let_an_older_one_in(tmp_path: Path) -> None:
    _, device, sticks = cut_off(tmp_path)
    flip(packages(sticks["3.0"])[0] / "PAYLOAD.000")
    assert only(apply(device, sticks["3.0"])).outcome is Outcome.REFUSED
    assert only(apply(device, sticks["1.0"])).outcome is Outcome.REFUSED
    assert (device.status().version, device.status().index) == ("2.0", 2)


@pytest.mark.parametrize("act", ["apply", "boot"])
def test_what_was_cut_off_is_recorded_and_told_once(tmp_path: Path, act: str) -> None:
    shop, device, sticks = cut_off(tmp_path)
    for _ in range(2):
        if act == "boot":
            assert device.verify_boot().version == "2.0"
        else:
            assert only(apply(device, sticks["1.0"])).code is Code.REQUEST_MISMATCH
    status = device.status()
    assert (status.index, status.security_floor, status.pending) == (2, 2, None)
    told = [receipt.outcome for receipt in kept_receipts(shop.device_folder())]
    assert told.count(Outcome.CONFIRMED) == 1
    with pytest.raises(Misuse, match="nothing waits"):
        device.confirm()


def test_going_back_minds_the_floor_of_the_release_that_was_cut_off(tmp_path: Path) -> None:
    _, device, _ = cut_off(tmp_path)
    with refused(Code.ROLLBACK):
        device.rollback()
