"""Media full of what is no good: they cost a device little, and hide nothing good."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from appliance.device.install import install
from appliance.device.slots import Bank
from media_format.objects import Outcome
from media_format.refusal import Code
from media_format.volume.directory import DirectoryVolume
from tests.device.medium import counted, flip, kept_receipts, packages
from tests.device.scenes import closing_volume, renamed, scene
from tests.workshop import Box, apply, only, update, volume_in


def test_a_strangers_envelopes_leave_room_for_the_receipt_of_a_boxs_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _, device, stick = scene(tmp_path)
    monkeypatch.setattr("appliance.device.reporting.KEPT_UNVERIFIED", 2)
    forged = shop.medium("forged")
    (package,) = packages(stick)
    for number in range(4):
        copy = forged / f"UPDATEBX/PACKAGES/0000000{number}"
        shutil.copytree(package, copy)
        renamed(copy / "ENVELOPE.CBR", number)
    apply(device, forged)
    assert len(kept_receipts(shop.device_folder())) == 2
    flip(package / "MANIFEST.CBR")
    apply(device, stick)
    told = kept_receipts(shop.device_folder())
    assert len(told) == 3
    assert told[-1].package_id is not None
    assert told[-1].package_id.hex().upper().startswith(package.name)


def tampered(stick: Path, box: Box, count: int, tmp_path: Path) -> None:
    """The one package on a stick gets a bit changed, and comes again in `count` others, changed as well."""
    for number in range(count):
        more = tmp_path / f"more{number}"
        shutil.copytree(stick / "UPDATEBX/REQUESTS", more / "UPDATEBX/REQUESTS")
        box.write(more, "pump-17")
        (package,) = packages(more)
        shutil.copytree(package, stick / "UPDATEBX/PACKAGES" / package.name)
    for package in packages(stick):
        flip(package / "PAYLOAD.000")


def test_tampered_packages_write_the_bank_once_for_one_medium(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, box, device, stick = scene(tmp_path)
    tampered(stick, box, 4, tmp_path)
    begun = []

    def counting(*given: Any) -> None:
        begun.append(given)
        install(*given)

    monkeypatch.setattr("appliance.device.applying.install", counting)
    codes = [package.code for package in apply(device, stick).packages]
    assert codes == [Code.DECRYPTION_FAILED] * 5
    assert len(begun) == 1


def test_tampered_packages_of_a_newer_release_do_not_hide_a_good_one_of_an_older(tmp_path: Path) -> None:
    shop, box, device, stick = scene(tmp_path)
    (good,) = packages(stick)
    good.rename(tmp_path / "good")
    box.take(shop.release("1.1"))
    box.write(stick, "pump-17")
    tampered(stick, box, 4, tmp_path)
    (tmp_path / "good").rename(good)
    results = apply(device, stick).packages
    assert [result.code for result in results] == [Code.DECRYPTION_FAILED] * 5 + [None]
    assert (results[-1].outcome, results[-1].version) == (Outcome.INSTALLED, "1.0")


class Watched(DirectoryVolume):
    """A medium that remembers which of its objects were read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read: list[str] = []

    def read_object(self, path: str, limit: int) -> bytes:
        self.read.append(path)
        return super().read_object(path, limit)


def test_a_package_for_another_device_costs_a_look_at_its_envelope(tmp_path: Path) -> None:
    shop, _, _, stick = scene(tmp_path)
    other = shop.device("pump-2")
    watched = Watched(stick)
    with closing_volume(watched) as volume:
        assert only(other.apply(volume)).code is Code.NOT_FOR_THIS_DEVICE
    assert not [path for path in watched.read if path.endswith("MANIFEST.CBR")]


def test_more_packages_than_an_honest_medium_holds_are_not_all_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _, device, stick = scene(tmp_path)
    monkeypatch.setattr("appliance.device.judging.MOST_JUDGED", 3)
    (package,) = packages(stick)
    flip(package / "MANIFEST.CBR")
    for number in range(9):
        shutil.copytree(package, package.with_name(f"0000000{number}"))
    codes = [result.code for result in apply(device, stick).packages]
    assert len(codes) == 4
    assert codes[-1] is Code.TOO_LARGE
    assert counted(stick)[Code.TOO_LARGE] == 1
    assert len(kept_receipts(shop.device_folder())) == 1


def test_looking_at_a_medium_ends_when_it_takes_too_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, _, _, stick = scene(tmp_path)
    monkeypatch.setattr("appliance.device.judging.PATIENCE", -1.0)
    assert only(apply(shop.device("pump-2"), stick)).code is Code.TOO_LARGE


def test_copies_of_a_tampered_package_write_the_bank_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, device, stick = scene(tmp_path)
    (package,) = packages(stick)
    flip(package / "PAYLOAD.000")
    for number in range(4):
        shutil.copytree(package, package.with_name(f"0000000{number}"))
    begun = []

    def counting(*given: Any) -> None:
        begun.append(given)
        install(*given)

    monkeypatch.setattr("appliance.device.applying.install", counting)
    results = apply(device, stick).packages
    assert [result.code for result in results] == [Code.DECRYPTION_FAILED] * 5
    assert len(begun) == 1
    assert counted(stick)[Code.DECRYPTION_FAILED] == 4


def test_a_damaged_package_does_not_hide_a_good_one(tmp_path: Path) -> None:
    _, box, device, stick = scene(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    shutil.copytree(stick, other, dirs_exist_ok=True)
    box.write(other, "pump-17")
    (damaged,) = packages(stick)
    flip(damaged / "PAYLOAD.000")
    shutil.copytree(packages(other)[0], damaged.parent / packages(other)[0].name)
    outcomes = {package.outcome for package in apply(device, stick).packages}
    assert Outcome.INSTALLED in outcomes


def test_envelopes_that_name_the_running_release_do_not_make_it_be_measured_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, device, stick = scene(tmp_path)
    update(device, stick)
    (package,) = packages(stick)
    flip(package / "MANIFEST.CBR")
    for number in range(20):
        shutil.copytree(package, package.with_name(f"0000{number:04}"))
    measured = []
    real = Bank.measure

    def measure(bank: Bank, offset: int, size: int) -> object:
        measured.append(bank.name)
        return real(bank, offset, size)

    monkeypatch.setattr(Bank, "measure", measure)
    with volume_in(stick) as volume:
        device.apply(volume, dry_run=True)
    assert len(measured) == 1
