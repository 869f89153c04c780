"""A device's files changed by a thief: what boots is what signed manifests say, not what these files say.

TPM, record, manifests and keys are untouched in all of these.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from appliance.device.boot_control import open_boot_control
from appliance.device.installed import Installed, _InstalledFile
from appliance.device.storage import DiskStorage
from media_format.refusal import Code
from tests.cli.refusals import says
from tests.cli.stages import enrol
from tests.cli.workshop import PRODUCT, SLOT_SIZE, Workshop, firmware, run

PARKED = 256 * 1024
"""Where the thief puts the signed bytes, so that they are still there to be measured."""


def test_other_code_before_the_signed_bytes_does_not_boot(upgraded: Workshop) -> None:
    bank = upgraded.device / "slots/a.img"
    _park(bank, firmware("1.1.0"), in_their_place=b"EVIL" * 50_000)
    _say_the_signed_bytes_are_parked(upgraded.device, 0)
    data = says(run("device", "verify-boot", upgraded.device, "--json"), Code.SIGNATURE_INVALID)
    assert (data["version"], data["fell_back"]) == ("1.0.0", True)


def test_a_release_below_the_floor_does_not_boot_under_the_name_of_a_newer_one(running: Workshop) -> None:
    running.release("1.2.0", "--security-floor", "3")
    running.ask()
    running.write()
    running.install()
    bank = running.device / "slots/a.img"
    _park(bank, firmware("1.2.0"), in_their_place=firmware("1.0.0"))
    _say_the_signed_bytes_are_parked(running.device, 0)
    said = run("device", "verify-boot", running.device, "--json")
    assert "banks" not in says(said, Code.SIGNATURE_INVALID)


def test_parts_of_two_releases_do_not_boot_together(enrolled: Workshop) -> None:
    device = _with_two_slots(enrolled)
    for version in ("1.0.0", "1.1.0"):
        _update_both(enrolled, device, version)
    bootloader = open_boot_control("file", device, ("rootfs", "settings"), DiskStorage())
    bootloader.try_banks({"rootfs": 1}, 3)
    bootloader.confirm()
    data = says(run("device", "verify-boot", device, "--json"), Code.SLOT_READBACK_MISMATCH)
    assert (data["version"], data["banks"]) == ("1.1.0", {"rootfs": 0, "settings": 0})


def test_an_older_release_that_boots_by_the_switch_alone_is_said_to_be_older(upgraded: Workshop) -> None:
    """It may boot while the floor allows it; TPM, record, banks and list are untouched."""
    bootloader = open_boot_control("file", upgraded.device, ("rootfs",), DiskStorage())
    assert "older" not in run("device", "verify-boot", upgraded.device).out
    bootloader.try_banks({"rootfs": 1}, 3)
    bootloader.confirm()
    said = run("device", "verify-boot", upgraded.device)
    assert said.status == 0
    assert "1.0.0 boots. It is older than the release that was confirmed last (number 2)." in said.out
    assert upgraded.do("device", "verify-boot", upgraded.device)["confirmed"] == 2


def test_a_release_of_one_slot_boots_beside_the_older_one_of_the_other(enrolled: Workshop) -> None:
    device = _with_two_slots(enrolled)
    _update_both(enrolled, device, "1.0.0")
    enrolled.release("1.1.0")
    _deliver(enrolled, device)
    booted = enrolled.do("device", "verify-boot", device)
    assert booted["banks"] == {"rootfs": 0, "settings": 1}


def _park(bank: Path, signed: bytes, *, in_their_place: bytes) -> None:
    there = bank.read_bytes()
    assert there.startswith(signed)
    head = in_their_place.ljust(PARKED, b"\0") + signed
    bank.write_bytes(head + there[len(head) :])


def _say_the_signed_bytes_are_parked(device: Path, bank: int) -> None:
    said = Installed(device, DiskStorage()).contents()
    moved = (dataclasses.replace(one, offset=PARKED) if one.bank == bank else one for one in said)
    (device / "installed.cbor").write_bytes(_InstalledFile(contents=tuple(moved)).to_bytes())


def _with_two_slots(shop: Workshop) -> Path:
    device = shop.folder / "pump-3"
    slots = ("--slot", "rootfs=slots/a.img,slots/b.img", "--slot", "settings=slots/c.img,slots/d.img")
    kind = ("--product", PRODUCT, "--hardware", "rev-c", "--slot-size", SLOT_SIZE)
    shop.do("device", "init", device, "--id", "PUMP-3", *kind, *slots)
    enrol(shop, "device", device, shop.folder / "pump-3.pem")
    return device


def _update_both(shop: Workshop, device: Path, version: str) -> None:
    settings = shop.folder / f"{version}.settings"
    settings.write_bytes(firmware(f"settings {version}", 5000))
    shop.release(version, "--component", f"settings={settings}", "--new-slot")
    _deliver(shop, device)


def _deliver(shop: Workshop, device: Path) -> None:
    shop.fresh_stick()
    shop.ask(device)
    shop.write(device="PUMP-3")
    shop.install(device)
