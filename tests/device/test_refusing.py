"""Refusals at a device: what is told, what is counted, what is kept."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.trust.bundle import Bundle
from media_format.objects import Mode, Outcome
from media_format.refusal import Code
from tests.cli.state import read_record
from tests.device.medium import counted, flip, kept_receipts, packages
from tests.device.scenes import renamed, scene
from tests.workshop import ALL_MODES, Workshop, apply, ask, delivered, files, make_image, only, update


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


def test_another_vendors_package_is_refused(tmp_path: Path) -> None:
    mine, other = Workshop(tmp_path / "mine"), Workshop(tmp_path / "other")
    device, theirs, stick = mine.device(), other.device(), other.medium()
    delivered(other, other.box(), theirs, "1.0", stick)
    result = only(apply(device, stick))
    assert result.code is Code.CHAIN_INVALID
