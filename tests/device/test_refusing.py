"""Packages that a device does not install: what is kept, what is told, and how often."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.device import Device
from appliance.device.install import install
from appliance.device.slots import Bank
from appliance.device.storage import DiskStorage
from appliance.trust.bundle import Bundle
from media_format import cose
from media_format.objects import Mode, Outcome
from media_format.refusal import Code, Refusal
from media_format.volume.directory import DirectoryVolume
from media_format.volume.seam import Data
from tests.cli.state import read_record
from tests.device.medium import counted, flip, kept_receipts, packages
from tests.trust_world import refused
from tests.workshop import (
    ALL_MODES,
    Box,
    Workshop,
    apply,
    ask,
    delivered,
    files,
    make_image,
    now,
    only,
    update,
    volume_in,
)


def scene(tmp_path: Path) -> tuple[Workshop, Box, Device, Path]:
    """A device with a package on a stick."""
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    return shop, box, device, stick


def test_a_refusal_is_told_once_for_a_package_and_a_code(tmp_path: Path) -> None:
    shop, _, device, stick = scene(tmp_path)
    payload = packages(stick)[0] / "PAYLOAD.000"
    flip(payload)
    for _ in range(3):
        assert only(apply(device, stick)).code is Code.DECRYPTION_FAILED
    told = kept_receipts(shop.device_folder())
    assert [(receipt.outcome, receipt.code) for receipt in told] == [
        (Outcome.REFUSED, Code.DECRYPTION_FAILED)
    ]
    assert told[0].package_id is not None
    payload.unlink()
    assert only(apply(device, stick)).code is Code.TRUNCATED
    assert [receipt.code for receipt in kept_receipts(shop.device_folder())][1:] == [Code.TRUNCATED]


def test_refusals_of_what_is_not_addressed_to_the_device_are_counted(tmp_path: Path) -> None:
    shop, _, _, stick = scene(tmp_path)
    other = shop.device("pump-2")
    for _ in range(2):
        assert not only(apply(other, stick)).addressed
    (packages(stick)[0] / "ENVELOPE.CBR").write_bytes(b"\xff garbage")
    assert only(apply(other, stick)).code is Code.MALFORMED
    assert kept_receipts(shop.device_folder("pump-2")) == []
    ask(other, stick)
    assert counted(stick, "pump-2") == {Code.NOT_FOR_THIS_DEVICE: 2, Code.MALFORMED: 1}


def test_the_counts_begin_anew_when_a_box_acknowledged_a_receipt(tmp_path: Path) -> None:
    shop, box, device, stick = scene(tmp_path)
    update(device, stick)
    foreign = shop.medium("foreign")
    ask(shop.device("pump-2"), foreign)
    box.write(foreign, "pump-2")
    apply(device, foreign)
    box.service.collect(stick)
    delivered(shop, box, device, "1.1", stick)
    assert counted(stick)[Code.NOT_FOR_THIS_DEVICE] == 1
    update(device, stick)
    assert Code.NOT_FOR_THIS_DEVICE not in counted(stick)


def test_garbage_cannot_fill_the_flash_with_receipts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, _, device, stick = scene(tmp_path)
    for limit in ("KEPT_REFUSALS", "KEPT_UNVERIFIED"):
        monkeypatch.setattr(f"appliance.device.reporting.{limit}", 2)
    (package,) = packages(stick)
    flip(package / "MANIFEST.CBR")
    for number in range(4):
        copy = package.with_name(f"0000000{number}")
        shutil.copytree(package, copy)
        renamed(copy / "ENVELOPE.CBR", number)
    apply(device, stick)
    assert len(kept_receipts(shop.device_folder())) == 2
    ask(device, stick)
    assert sum(counted(stick).values()) == 3


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


def renamed(envelope: Path, number: int) -> None:
    """Give an envelope another package id, as anybody can who does not mind the signature."""
    data = envelope.read_bytes()
    signed = cose.read_sign1(data, "application/vnd.updatebox.envelope+cbor", 1 << 20)
    place = data.index(signed.payload) + signed.payload.index(b"\x03\x50") + 2
    envelope.write_bytes(data[:place] + bytes([number]) * 16 + data[place + 16 :])


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


@pytest.mark.parametrize("mode", [Mode.SHARED, Mode.SIGNED])
def test_the_further_modes_are_refused_where_the_policy_does_not_allow_them(
    tmp_path: Path, mode: Mode
) -> None:
    shop = Workshop(tmp_path, ALL_MODES)
    box, stick = shop.box(), shop.medium()
    devices = [shop.device(name) for name in ("pump-1", "pump-2")]
    box.take(shop.release("1.0"))
    for device in devices:
        ask(device, stick)
    box.write(stick, "pump-1", "pump-2", mode=mode)
    for folder in (shop.device_folder("pump-1"), shop.device_folder("pump-2")):
        strict(folder, shop)
    code = Code.NOT_FOR_THIS_DEVICE if mode is Mode.SHARED else Code.UNSUPPORTED_FORMAT
    for device in devices:
        assert code in {package.code for package in apply(device, stick).packages}


def strict(folder: Path, shop: Workshop) -> None:
    """A device that was enrolled with an anchor whose policy allows sealed packages only."""
    path = folder / "certificates.pem"
    bundle = Bundle.from_pem(path.read_bytes())
    policy = replace(bundle.anchor.policy, modes=(Mode.SEALED,))
    anchor = replace(bundle.anchor, policy=policy)
    path.write_bytes(replace(bundle, anchor=anchor).to_pem())
    read_record(folder).update(anchors=(hashlib.sha256(anchor.to_bytes()).digest(),))


# Revocation


def test_newer_lists_are_kept_although_the_package_is_refused(tmp_path: Path) -> None:
    shop, _, device, stick = scene(tmp_path)
    bare = tmp_path / "bare"
    shutil.copytree(stick, bare)
    serial = next(entry.serial for entry in shop.vendor.issued if entry.purpose == "BOX_IDENTITY")
    shop.vendor.revoke(int(serial, 16))
    put_lists(shop, stick)
    assert only(apply(device, stick)).code is Code.REVOKED
    assert only(apply(device, bare)).code is Code.REVOKED


def test_a_stick_with_nothing_but_lists_teaches_a_device(tmp_path: Path) -> None:
    shop, _, device, stick = scene(tmp_path)
    serial = next(entry.serial for entry in shop.vendor.issued if entry.purpose == "RELEASE_SIGNER")
    shop.vendor.revoke(int(serial, 16))
    lists = shop.medium("lists")
    put_lists(shop, lists)
    assert apply(device, lists).packages == ()
    assert only(apply(device, stick)).code is Code.REVOKED


def put_lists(shop: Workshop, medium: Path) -> None:
    folder = medium / "UPDATEBX/TRUST"
    folder.mkdir(parents=True, exist_ok=True)
    for number, der in enumerate(shop.vendor.crls()):
        (folder / f"NEW{number}.CRL").write_bytes(der)


# The device's own storage


class Miswriting(DiskStorage):
    """Storage that loses a bit of every write to a slot, as worn flash does."""

    def write(self, descriptor: int, data: Data, offset: int) -> None:
        changed = bytearray(data)
        changed[len(changed) // 2] ^= 1
        super().write(descriptor, changed, offset)


def test_a_slot_that_does_not_read_back_fails_is_remembered_and_begins_anew_on_a_retry(
    tmp_path: Path,
) -> None:
    shop, _, device, stick = scene(tmp_path)
    folder = shop.device_folder()
    boot = (folder / "boot.cbor").exists()
    failing = Device.open(folder, now, Miswriting())
    result = only(apply(failing, stick))
    assert (result.outcome, result.code) == (Outcome.FAILED, Code.SLOT_READBACK_MISMATCH)
    assert (folder / "boot.cbor").exists() == boot
    assert only(apply(device, stick)).code is Code.PREVIOUSLY_FAILED
    assert only(apply(device, stick, retry=True)).outcome is Outcome.INSTALLED
    image = make_image("1.0")
    assert (folder / "slots/rootfs.b").read_bytes()[: len(image)] == image


def test_a_release_for_slots_the_device_has_not_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    box.take(shop.release("1.0", {"bootloader": make_image("evil")}))
    ask(device, stick)
    box.write_anyway(stick, "pump-17")
    slots = files(shop.device_folder() / "slots")
    assert only(apply(device, stick)).code is Code.REGION_FORBIDDEN
    assert files(shop.device_folder() / "slots") == slots


def test_an_image_larger_than_the_slot_is_refused(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    box.take(shop.release("1.0", {"rootfs": make_image("large", 70)}))
    ask(device, stick)
    box.write_anyway(stick, "pump-17")
    assert only(apply(device, stick)).code is Code.NO_SPACE


# The medium


class Pulled(DirectoryVolume):
    """A medium that is pulled after a number of reads of the payload."""

    def __init__(self, root: Path, reads: int) -> None:
        super().__init__(root)
        self._reads = reads

    def read_run(self, path: str, offset: int, length: int) -> bytes:
        if "PAYLOAD" in path:
            if self._reads == 0:
                raise Refusal(Code.MEDIUM_PULLED, "gone")
            self._reads -= 1
        return super().read_run(path, offset, length)


class Lying(DirectoryVolume):
    """A medium that gives another manifest, envelope and table at the second reading."""

    def __init__(self, root: Path, other: Path) -> None:
        super().__init__(root)
        self._other = DirectoryVolume(other)
        self._seen: set[str] = set()

    def read_object(self, path: str, limit: int) -> bytes:
        if path in self._seen and "PACKAGES" in path:
            (folder,) = self._other.list("UPDATEBX/PACKAGES")
            return self._other.read_object(f"UPDATEBX/PACKAGES/{folder.name}/{path.rsplit('/')[-1]}", limit)
        self._seen.add(path)
        return super().read_object(path, limit)

    def close(self) -> None:
        self._other.close()
        super().close()


@contextmanager
def closing_volume(volume: DirectoryVolume) -> Iterator[DirectoryVolume]:
    try:
        yield volume
    finally:
        volume.close()


@pytest.mark.parametrize("reads", [0, 1])
def test_a_medium_pulled_midway_is_no_refusal_and_the_next_try_ends_installed(
    tmp_path: Path, reads: int
) -> None:
    shop, _, device, stick = scene(tmp_path)
    with closing_volume(Pulled(stick, reads)) as volume, refused(Code.MEDIUM_PULLED):
        device.apply(volume)
    assert kept_receipts(shop.device_folder()) == []
    assert device.verify_boot().version is None
    update(device, stick)


def test_a_medium_that_answers_the_second_reading_differently_changes_nothing(tmp_path: Path) -> None:
    shop, box, device, stick = scene(tmp_path)
    other = shop.medium("other")
    ask(device, other)
    box.take(shop.release("1.1"))
    box.write(other, "pump-17")
    with closing_volume(Lying(stick, other)) as volume:
        assert {package.version for package in device.apply(volume).packages} == {"1.0"}
    assert device.verify_boot().version == "1.0"


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


def test_another_vendors_package_is_refused(tmp_path: Path) -> None:
    mine, other = Workshop(tmp_path / "mine"), Workshop(tmp_path / "other")
    device, theirs, stick = mine.device(), other.device(), other.medium()
    delivered(other, other.box(), theirs, "1.0", stick)
    result = only(apply(device, stick))
    assert result.code is Code.CHAIN_INVALID
