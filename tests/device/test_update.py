"""A device from its request to its receipt, with everything as it is meant to be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.device import Device, DeviceConfiguration
from media_format.errors import Misuse
from media_format.objects import Mode, Outcome, Role
from media_format.progress import silent
from tests.device.medium import kept_receipts, packages, requests
from tests.workshop import (
    ALL_MODES,
    CHUNK,
    SLOT_SIZE,
    TPM,
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


def test_a_sealed_package_is_installed_booted_and_confirmed(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    assert only(apply(device, stick)).outcome is Outcome.INSTALLED
    assert device.status().version is None
    assert device.verify_boot().version == "1.0"
    assert device.confirm() == "1.0"
    image = make_image("1.0")
    assert (shop.device_folder() / "slots/rootfs.b").read_bytes()[: len(image)] == image
    status = device.status()
    assert (status.version, status.index, status.on_trial, status.pending) == ("1.0", 1, False, None)


def test_several_components_and_a_hook_reach_their_slots(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(slots=("kernel", "rootfs", "hook")), shop.medium()
    images = {name: make_image(f"{name} 1.0") for name in ("kernel", "rootfs", "hook")}
    box.take(shop.release("1.0", images))
    ask(device, stick)
    box.write(stick, "pump-17")
    update(device, stick)
    for name, image in images.items():
        assert (shop.device_folder() / f"slots/{name}.b").read_bytes()[: len(image)] == image


def test_a_release_of_some_slots_leaves_the_others(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(slots=("kernel", "rootfs")), shop.medium()
    for version, slots in (("1.0", ("kernel", "rootfs")), ("1.1", ("kernel",))):
        box.take(shop.release(version, {name: make_image(f"{name} {version}") for name in slots}))
        ask(device, stick)
        box.write(stick, "pump-17")
        update(device, stick)
    assert device.status().banks == {"kernel": 0, "rootfs": 1}
    assert device.verify_boot().fell_back is None


def test_a_component_of_several_pages_is_installed(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, stick = shop.box(), shop.medium()
    banks = {"rootfs": (Path("a"), Path("b"))}
    configuration = DeviceConfiguration("big-1", "pump", "stable", "rev-b", banks, tpm=TPM)
    device = Device.create(tmp_path / "big", configuration, now, slot_size=16 * 1024 * 1024)
    device.install_certificates(shop.vendor.enrol(Role.DEVICE, device.enrolment()).bundle)
    image = bytes(1500 * CHUNK) + make_image("big", 600) + make_image("big", 600)
    box.take(shop.release("1.0", {"rootfs": image}))
    ask(device, stick)
    box.write(stick, "big-1")
    update(device, stick)
    assert (tmp_path / "big/b").read_bytes()[: len(image)] == image


@pytest.mark.parametrize("mode", [Mode.SHARED, Mode.SIGNED])
def test_the_further_modes_install_where_the_policy_allows_them(tmp_path: Path, mode: Mode) -> None:
    shop = Workshop(tmp_path, ALL_MODES)
    box, stick = shop.box(), shop.medium()
    devices = [shop.device(name) for name in ("pump-1", "pump-2")]
    box.take(shop.release("1.0"))
    for device in devices:
        ask(device, stick)
    box.write(stick, "pump-1", "pump-2", mode=mode)
    assert len(packages(stick)) == (1 if mode is Mode.SHARED else 2)
    for device in devices:
        update(device, stick)


def test_the_nonce_stays_until_an_install_is_confirmed_while_the_counter_rises(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    asked = []
    for _ in range(3):
        ask(device, stick)
        (request,) = requests(stick)
        asked.append(request)
    assert [request.counter for request in asked] == [1, 2, 3]
    assert len({request.nonce for request in asked}) == 1
    box.take(shop.release("1.0"))
    box.write(stick, "pump-17")
    update(device, stick)
    (last,) = requests(stick)
    assert last.nonce != asked[0].nonce
    assert last.counter > 3


def test_a_device_deletes_its_own_superseded_requests_only(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    stick = shop.medium()
    ask(shop.device("pump-1"), stick)
    (stick / "UPDATEBX/REQUESTS/NOTES.REQ").write_bytes(b"not a request")
    before = files(stick)
    ask(shop.device("pump-2"), stick)
    ask(Device.open(shop.device_folder("pump-2"), now), stick)
    after = files(stick)
    assert {name: after[name] for name in before} == before
    assert len(requests_of(stick, "pump-2")) == 1


def requests_of(stick: Path, device: str) -> list[str]:
    found = []
    for path in (stick / "UPDATEBX/REQUESTS").glob("*.REQ"):
        if device.encode() in path.read_bytes():
            found.append(path.name)
    return found


def test_receipts_are_a_chain_and_stay_until_a_box_acknowledges_them(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    update(device, stick)
    first, second = kept_receipts(shop.device_folder())
    assert (first.outcome, second.outcome) == (Outcome.INSTALLED, Outcome.CONFIRMED)
    assert first.previous is None
    assert second.previous is not None
    collected = box.service.collect(stick)
    assert [entry.new for entry in collected] == [True, True]
    assert len(kept_receipts(shop.device_folder())) == 2
    delivered(shop, box, device, "1.1", stick)
    update(device, stick)
    assert [receipt.counter for receipt in kept_receipts(shop.device_folder())] == [3, 4]
    assert not any(entry.refusal for entry in box.service.collect(stick))
    assert not any(receipt.gap for receipt in box.service.receipts())


def test_a_stick_that_stays_in_the_port_changes_nothing_any_more(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    apply(device, stick)
    waiting = files(stick), files(shop.device_folder())
    for _ in range(2):
        assert only(apply(device, stick)).code == "already-installed"
    assert (files(stick), files(shop.device_folder())) == waiting
    device.verify_boot()
    device.confirm()
    apply(device, stick)
    settled = files(stick), files(shop.device_folder())
    for _ in range(2):
        apply(device, stick)
    assert (files(stick), files(shop.device_folder())) == settled


def test_a_dry_run_says_what_would_happen_and_changes_nothing(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    before = files(stick), files(shop.device_folder())
    result = only(apply(device, stick, dry_run=True))
    assert (result.outcome, result.code, result.version) == (None, None, "1.0")
    assert (files(stick), files(shop.device_folder())) == before


def test_the_newest_of_several_releases_is_installed_and_stays(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick, other = shop.box(), shop.device(), shop.medium(), shop.medium("other")
    first = shop.release("1.0")
    box.take(first)
    ask(device, stick)
    box.service.admit(stick)
    box.service.write(stick, ("pump-17",), box.session, silent)
    box.take(shop.release("1.1"))
    box.service.write(other, ("pump-17",), box.session, silent)
    for folder in packages(other):
        folder.rename(stick / "UPDATEBX/PACKAGES" / folder.name)
    apply(device, stick)
    assert device.status().pending == "1.1"
    codes = {package.code for package in apply(device, stick).packages}
    assert device.status().pending == "1.1"
    assert codes == {"already-installed", "rollback"}


def test_a_newer_release_takes_the_place_of_one_that_was_not_booted_yet(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    apply(device, stick)
    delivered(shop, box, device, "1.1", stick)
    apply(device, stick)
    assert device.verify_boot().version == "1.1"
    assert device.confirm() == "1.1"


def test_two_processes_on_one_device_do_not_undo_each_other(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, agent, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, agent, "1.0", stick)
    apply(agent, stick)
    person = Device.open(shop.device_folder(), now)
    person.verify_boot()
    person.confirm()
    apply(agent, stick)
    assert Device.open(shop.device_folder(), now).status().version == "1.0"
    ask(person, stick)
    ask(agent, stick)
    assert Device.open(shop.device_folder(), now).status().index == 1


def test_a_device_is_made_once_and_takes_its_own_certificates_only(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    device = shop.device("pump-1")
    with pytest.raises(Misuse, match="already"):
        Device.create(shop.device_folder("pump-1"), device.configuration, now, slot_size=SLOT_SIZE)
    other = shop.device("pump-2")
    with pytest.raises(Misuse, match="pump-2"):
        device.install_certificates(shop.vendor.enrol(Role.DEVICE, other.enrolment()).bundle)
    with pytest.raises(Misuse, match="no device here"):
        Device.open(tmp_path / "nowhere", now)


@pytest.mark.parametrize("wrong", [{"boot_control": "lilo"}, {"time_sources": ("sundial",)}])
def test_a_device_that_cannot_be_made_leaves_nothing(tmp_path: Path, wrong: dict[str, Any]) -> None:
    banks = {"rootfs": (Path("a"), Path("b"))}
    with pytest.raises(Misuse):
        configuration = DeviceConfiguration("new-1", "pump", "stable", "rev-b", banks, tpm=TPM, **wrong)
        Device.create(tmp_path / "new", configuration, now, slot_size=SLOT_SIZE)
    assert not (tmp_path / "new").exists()


def test_another_vendor_cannot_take_a_device_over(tmp_path: Path) -> None:
    mine, other = Workshop(tmp_path / "mine"), Workshop(tmp_path / "other")
    device = mine.device()
    with pytest.raises(Exception, match="another vendor"):
        device.install_certificates(other.vendor.enrol(Role.DEVICE, device.enrolment()).bundle)


def test_a_device_without_certificates_says_what_to_do(tmp_path: Path) -> None:
    banks = {"rootfs": (Path("a"), Path("b"))}
    configuration = DeviceConfiguration("new-1", "pump", "stable", "rev-b", banks, tpm=TPM)
    device = Device.create(tmp_path / "new", configuration, now, slot_size=SLOT_SIZE)
    assert not device.status().enrolled
    (tmp_path / "stick").mkdir()
    with volume_in(tmp_path / "stick") as volume, pytest.raises(Misuse, match="device certs"):
        device.write_request(volume)
