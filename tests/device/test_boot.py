"""What may boot: trials, falling back, going back, and what a device's own state cannot talk it into."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.device import Device
from media_format.errors import Misuse
from media_format.objects import Outcome
from media_format.refusal import Code
from tests.device.medium import flip, kept_receipts, packages
from tests.trust_world import refused
from tests.workshop import Box, Workshop, apply, ask, delivered, files, make_image, now, only, update


def twice_updated(tmp_path: Path, security_floor: int = 0) -> tuple[Workshop, Box, Device, Path]:
    """A device that confirmed 1.0 and then 1.1; the way back to 1.0 is open."""
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    update(device, stick)
    box.take(shop.release("1.1", security_floor=security_floor))
    ask(device, stick)
    box.write(stick, "pump-17")
    update(device, stick)
    return shop, box, device, stick


def used_up(tmp_path: Path) -> tuple[Workshop, Box, Device, Path]:
    """A device that fell back, since 1.0 was booted three times and never confirmed."""
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    apply(device, stick)
    for _ in range(3):
        assert device.verify_boot().fell_back is None
    problem = device.verify_boot().fell_back
    assert problem is not None
    assert problem.code is Code.HEALTH_CHECK_FAILED
    return shop, box, device, stick


def test_a_release_that_is_never_confirmed_falls_back_and_is_reported(tmp_path: Path) -> None:
    shop, _, device, _ = used_up(tmp_path)
    assert device.status().version is None
    last = kept_receipts(shop.device_folder())[-1]
    assert (last.outcome, last.code) == (Outcome.FAILED, Code.HEALTH_CHECK_FAILED)


def test_a_release_that_failed_is_not_tried_again_until_someone_asks(tmp_path: Path) -> None:
    shop, _, device, stick = used_up(tmp_path)
    for _ in range(2):
        assert only(apply(device, stick)).code is Code.PREVIOUSLY_FAILED
    told = [receipt.code for receipt in kept_receipts(shop.device_folder())]
    assert told.count(Code.PREVIOUSLY_FAILED) == 1
    assert only(apply(device, stick, retry=True)).outcome is Outcome.INSTALLED
    assert device.verify_boot().version == "1.0"
    device.confirm()
    assert device.status().version == "1.0"


def test_a_new_package_of_a_release_that_failed_is_refused_as_well(tmp_path: Path) -> None:
    _, box, device, _ = used_up(tmp_path)
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    ask(device, fresh)
    box.write(fresh, "pump-17")
    assert only(apply(device, fresh)).code is Code.PREVIOUSLY_FAILED


def test_nothing_is_installed_over_the_way_back_of_a_running_trial(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    update(device, stick)
    delivered(shop, box, device, "1.1", stick)
    apply(device, stick)
    device.verify_boot()
    delivered(shop, box, device, "1.2", stick)
    bank = shop.device_folder() / "slots/rootfs.b"
    before = bank.read_bytes()
    assert Code.HEALTH_CHECK_FAILED in {package.code for package in apply(device, stick).packages}
    assert bank.read_bytes() == before
    device.confirm()
    ask(device, stick)
    box.write(stick, "pump-17")
    update(device, stick)
    assert device.status().version == "1.2"


def test_confirming_needs_a_release_that_runs(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    with pytest.raises(Misuse, match="nothing waits"):
        device.confirm()
    delivered(shop, box, device, "1.0", stick)
    apply(device, stick)
    with pytest.raises(Misuse, match="boot it first"):
        device.confirm()


def test_confirming_moves_the_key_chain_and_raises_the_floor(tmp_path: Path) -> None:
    _, _, device, _ = twice_updated(tmp_path, security_floor=2)
    status = device.status()
    assert (status.index, status.security_floor) == (2, 2)


def test_a_person_can_go_back_and_the_release_is_not_taken_again(tmp_path: Path) -> None:
    shop, box, device, _ = twice_updated(tmp_path)
    assert device.rollback() == "1.0"
    assert kept_receipts(shop.device_folder())[-1].outcome is Outcome.ROLLED_BACK
    assert device.verify_boot().version == "1.0"
    with pytest.raises(Misuse, match="no release to go back"):
        device.rollback()
    assert box.service.releases()


def test_there_is_no_way_back_below_the_security_floor(tmp_path: Path) -> None:
    shop, _, device, _ = twice_updated(tmp_path, security_floor=2)
    before = files(shop.device_folder())
    with refused(Code.ROLLBACK):
        device.rollback()
    before.pop("lock", None)
    after = files(shop.device_folder())
    after.pop("lock", None)
    assert after == before


def test_what_the_factory_installed_is_below_a_floor(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    box.take(shop.release("1.0", security_floor=1))
    ask(device, stick)
    box.write(stick, "pump-17")
    update(device, stick)
    with refused(Code.ROLLBACK):
        device.rollback()


def test_a_damaged_slot_is_left_for_the_one_before(tmp_path: Path) -> None:
    shop, _, device, _ = twice_updated(tmp_path)
    flip(shop.device_folder() / "slots/rootfs.a", 5000)
    result = device.verify_boot()
    assert result.fell_back is not None
    assert result.fell_back.code is Code.SLOT_READBACK_MISMATCH
    assert result.version == "1.0"
    assert device.verify_boot().fell_back is None


def test_a_slot_that_cannot_be_read_is_left_for_the_one_before(tmp_path: Path) -> None:
    shop, _, device, _ = twice_updated(tmp_path)
    (shop.device_folder() / "slots/rootfs.a").unlink()
    result = device.verify_boot()
    assert result.fell_back is not None
    assert result.fell_back.code is Code.SLOT_READBACK_MISMATCH
    assert result.version == "1.0"
    assert device.verify_boot().version == "1.0"


def test_a_device_with_two_damaged_slots_does_not_boot(tmp_path: Path) -> None:
    shop, _, device, _ = twice_updated(tmp_path)
    for bank in "ab":
        flip(shop.device_folder() / f"slots/rootfs.{bank}", 5000)
    with refused(Code.SLOT_READBACK_MISMATCH):
        device.verify_boot()


def test_a_bank_with_half_a_release_is_no_way_back(tmp_path: Path) -> None:
    shop, box, device, stick = twice_updated(tmp_path)
    delivered(shop, box, device, "1.2", stick)
    flip(packages(stick)[0] / "PAYLOAD.000")
    assert only(apply(device, stick)).code is Code.DECRYPTION_FAILED
    with refused(Code.SLOT_READBACK_MISMATCH):
        device.rollback()
    assert device.verify_boot().version == "1.1"


def test_forgetting_what_is_installed_does_not_make_a_slot_the_factorys(tmp_path: Path) -> None:
    shop, _, device, _ = twice_updated(tmp_path)
    (shop.device_folder() / "installed.cbor").unlink()
    (shop.device_folder() / "slots/rootfs.a").write_bytes(make_image("somebody else's"))
    with refused(Code.SLOT_READBACK_MISMATCH):
        device.verify_boot()


@pytest.mark.parametrize("name", ["installed.cbor", "boot.cbor", "failures.cbor", "refusals.cbor"])
def test_damaged_state_is_named_and_nothing_boots_by_it(tmp_path: Path, name: str) -> None:
    shop, _, device, stick = used_up(tmp_path)
    path = shop.device_folder() / name
    path.write_bytes(b"\xff" + path.read_bytes())
    with pytest.raises(Exception, match=r"damaged|boot-control-failed"):
        apply(device, stick)


def test_a_manifest_that_is_missing_or_another_ones_does_not_boot(tmp_path: Path) -> None:
    shop, _, device, _ = twice_updated(tmp_path)
    manifests = sorted((shop.device_folder() / "manifests").iterdir())
    contents = [path.read_bytes() for path in manifests]
    manifests[0].write_bytes(contents[1])
    manifests[1].write_bytes(contents[0])
    with refused(Code.SIGNATURE_INVALID):
        device.verify_boot()
    for path in manifests:
        path.unlink()
    with refused(Code.SIGNATURE_INVALID):
        device.verify_boot()


@pytest.mark.parametrize("also", [(), ("installed.cbor", "boot.cbor", "failures.cbor")])
def test_a_state_that_was_copied_back_is_refused(tmp_path: Path, also: tuple[str, ...]) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    update(device, stick)
    folder = shop.device_folder()
    old = files(folder)
    delivered(shop, box, device, "1.1", stick)
    update(device, stick)
    for name in ("record.sealed", *also):
        if name in old:
            (folder / name).write_bytes(old[name])
    before = files(stick)
    copied = Device.open(folder, now)
    for act in (
        copied.verify_boot,
        copied.confirm,
        copied.rollback,
        copied.status,
        lambda: apply(copied, stick),
    ):
        with refused(Code.TPM_UNAVAILABLE):
            act()
    assert files(stick) == before
