"""The vendor: its book, its certificates, its revocation lists."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.box import BoxService
from appliance.device import Device, DeviceConfiguration
from appliance.trust.crl import RevocationLists
from appliance.trust.purpose import Purpose
from appliance.vendor import Vendor
from media_format.errors import MachineFault, Misuse
from media_format.objects import Role
from media_format.refusal import Code, Refusal
from tests.trust_world import refused
from tests.workshop import PASSPHRASE, PIN, TPM, Workshop, files, now, volume_in


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def reopened(shop: Workshop) -> Vendor:
    return Vendor.open(shop.folder / "vendor", PASSPHRASE, now)


def numbers(vendor: Vendor) -> list[int]:
    return [entry.number for entry in RevocationLists(vendor.anchor, vendor.crls()).numbers()]


def enrolment(folder: Path, box_id: str = "box-1") -> bytes:
    return BoxService.create(folder, box_id, "chief", PIN, tpm=TPM, now=now)


# The directory


def test_a_wrong_passphrase_opens_nothing(shop: Workshop) -> None:
    for wrong in ("", "wrong passphrase", PASSPHRASE + " "):
        with refused(Code.PIN_WRONG):
            Vendor.open(shop.folder / "vendor", wrong, now)


@pytest.mark.parametrize(
    ("name", "passphrase"), [("Acme", "short"), ("", PASSPHRASE), ("x" * 65, PASSPHRASE)]
)
def test_a_vendor_that_cannot_be_made_leaves_nothing(tmp_path: Path, name: str, passphrase: str) -> None:
    with pytest.raises(Misuse):
        Vendor.create(tmp_path / "vendor", name, passphrase, now)
    assert not (tmp_path / "vendor").exists()


def test_a_directory_has_one_vendor(shop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="already"):
        Vendor.create(shop.folder / "vendor", "Other", PASSPHRASE, now)
    with pytest.raises(Misuse, match="vendor init"):
        Vendor.open(tmp_path / "nowhere", PASSPHRASE, now)


def test_private_keys_are_not_on_disk_in_the_clear(shop: Workshop) -> None:
    keys = {name: data for name, data in files(shop.folder / "vendor").items() if name.endswith(".key")}
    assert len(keys) == 4
    assert all(data.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----") for data in keys.values())
    for name in keys:
        assert (shop.folder / "vendor" / name).stat().st_mode & 0o077 == 0


def test_no_private_key_shows_in_what_a_vendor_prints_of_itself(shop: Workshop) -> None:
    text = repr(vars(shop.vendor))
    assert "PrivateKey" not in text


@pytest.mark.parametrize("name", ["register.json", "anchor.cbr", "authority/root.pem"])
def test_damaged_state_is_named(shop: Workshop, name: str) -> None:
    path = shop.folder / "vendor" / name
    path.write_bytes(b"\xff" + path.read_bytes()[1:])
    with pytest.raises(MachineFault, match=Path(name).stem):
        reopened(shop)


def test_a_vendor_whose_making_was_cut_off_can_be_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cut(BaseException):
        pass

    def cut(_vendor: Vendor) -> None:
        raise Cut

    monkeypatch.setattr(Vendor, "renew_crls", cut)
    with pytest.raises(Cut):
        Vendor.create(tmp_path / "vendor", "Acme", PASSPHRASE, now)
    monkeypatch.undo()
    vendor = Vendor.create(tmp_path / "vendor", "Acme", PASSPHRASE, now)
    assert len(vendor.crls()) == 4


# Enrolment


def test_a_box_gets_its_certificates_every_ca_and_every_list(shop: Workshop, tmp_path: Path) -> None:
    bundle = shop.vendor.enrol(Role.BOX, enrolment(tmp_path / "box")).bundle
    assert bundle.verified(Purpose.BOX_IDENTITY).identity.id == "box-1"
    assert bundle.verified(Purpose.BOX_TRANSPORT).identity.id == "box-1"
    assert len(bundle.issuers()) == 4
    assert len(bundle.lists().numbers()) == 4


def test_a_request_of_the_other_role_is_misuse(shop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(Misuse, match="of a box"):
        shop.vendor.enrol(Role.DEVICE, enrolment(tmp_path / "box"))


def test_a_second_key_under_an_enrolled_name_is_refused_until_the_first_is_revoked(
    shop: Workshop, tmp_path: Path
) -> None:
    first = enrolment(tmp_path / "first")
    shop.vendor.enrol(Role.BOX, first)
    shop.vendor.enrol(Role.BOX, first)
    second = enrolment(tmp_path / "second")
    with pytest.raises(Misuse, match="another key"):
        shop.vendor.enrol(Role.BOX, second)
    for entry in shop.vendor.issued:
        shop.vendor.revoke(int(entry.serial, 16))
    shop.vendor.enrol(Role.BOX, second)


def test_a_device_may_be_enrolled_anew_in_the_next_epoch(shop: Workshop) -> None:
    shop.device(epoch=1)
    shop.device(epoch=2)
    epochs = {entry.epoch for entry in shop.vendor.issued if entry.purpose == "DEVICE_IDENTITY"}
    assert epochs == {1, 2}


def test_a_changed_enrolment_request_is_refused(shop: Workshop, tmp_path: Path) -> None:
    request = bytearray(enrolment(tmp_path / "box"))
    request[-1] ^= 1
    with refused(Code.SIGNATURE_INVALID):
        shop.vendor.enrol(Role.BOX, bytes(request))
    assert shop.vendor.issued == ()


def test_the_fingerprint_is_what_the_machine_can_show(shop: Workshop, tmp_path: Path) -> None:
    banks = {"rootfs": (Path("a"), Path("b"))}
    configuration = DeviceConfiguration("pump-1", "pump", "stable", "rev-b", banks, tpm=TPM)
    device = Device.create(tmp_path / "device", configuration, now, slot_size=4096)
    answers = {shop.vendor.enrol(Role.DEVICE, device.enrolment()).fingerprint for _ in range(2)}
    assert len(answers) == 1


# Revocation


def test_lists_are_renewed_with_rising_numbers(shop: Workshop) -> None:
    before = numbers(shop.vendor)
    shop.vendor.renew_crls()
    reopened(shop).renew_crls()
    assert numbers(reopened(shop)) == [number + 2 for number in before]


def test_a_revoked_certificate_is_on_its_issuers_list_and_stays_there(shop: Workshop, tmp_path: Path) -> None:
    bundle = shop.vendor.enrol(Role.BOX, enrolment(tmp_path / "box")).bundle
    box = bundle.verified(Purpose.BOX_IDENTITY)
    revoked = shop.vendor.revoke(box.certificate.serial_number)
    assert revoked.revoked == now()
    shop.vendor.renew_crls()
    for vendor in (shop.vendor, reopened(shop)):
        with refused(Code.REVOKED):
            RevocationLists(vendor.anchor, vendor.crls()).judge(box, now(), vendor.anchor.policy)
    assert shop.vendor.revoke(box.certificate.serial_number).revoked == revoked.revoked


def test_an_unknown_serial_is_misuse_and_changes_nothing(shop: Workshop) -> None:
    before = files(shop.folder / "vendor")
    with pytest.raises(Misuse, match="no certificate"):
        shop.vendor.revoke(0x1234)
    before.pop("register.lock", None)
    after = files(shop.folder / "vendor")
    after.pop("register.lock", None)
    assert after == before


# Indexes


def test_every_release_has_the_next_index_of_its_line(shop: Workshop) -> None:
    shop.box()
    built = [shop.release(version).built.index for version in ("1.0", "1.1")]
    other = shop.release("2.0", line="beta").built.index
    assert (built, other) == ([1, 2], 1)


def test_an_index_is_not_given_out_again_after_a_release_that_failed(shop: Workshop) -> None:
    shop.box()
    folder = shop.medium("failed")
    order = shop.order("1.0")
    order.components[0].path.unlink()
    with volume_in(folder) as volume, pytest.raises(Misuse):
        shop.vendor.release(volume, order, lambda _progress: None)
    assert shop.release("1.1").built.index == 2
    assert [release.index for release in shop.vendor.released] == [2]


def test_two_processes_never_give_out_one_index(shop: Workshop) -> None:
    shop.box()
    order = shop.order("1.0")
    indexes: list[int] = []

    def work(number: int) -> None:
        vendor = reopened(shop)
        with volume_in(shop.medium(f"out-{number}")) as volume:
            for _ in range(3):
                indexes.append(vendor.release(volume, order, lambda _progress: None).index)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(indexes) == [1, 2, 3, 4, 5, 6]
    assert len(reopened(shop).released) == 6


# What a release may be


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"boxes": ()}, "at least one box"),
        ({"components": ()}, "at least one component"),
        ({"security_floor": 9}, "security floor"),
        ({"version": ""}, "version"),
        ({"line": "x" * 65}, "line"),
    ],
)
def test_an_order_that_makes_no_sense_is_misuse_and_leaves_nothing(
    shop: Workshop, changes: dict[str, object], named: str
) -> None:
    shop.box()
    folder = shop.medium("out")
    order = replace(shop.order("1.0"), **changes)  # type: ignore[arg-type]
    with volume_in(folder) as volume, pytest.raises(Misuse, match=named):
        shop.vendor.release(volume, order, lambda _progress: None)
    assert files(folder) == {}


def test_a_release_is_not_sealed_for_a_box_that_was_revoked(shop: Workshop) -> None:
    shop.box()
    serial = next(entry.serial for entry in shop.vendor.issued if entry.purpose == "BOX_TRANSPORT")
    shop.vendor.revoke(int(serial, 16))
    with refused(Code.REVOKED):
        shop.release("1.0")


def test_a_release_is_not_sealed_for_another_vendors_box(shop: Workshop, tmp_path: Path) -> None:
    other = Workshop(tmp_path / "other")
    other.box()
    shop.boxes.update(other.boxes)
    with pytest.raises(Misuse, match="another vendor"):
        shop.release("1.0")


def test_every_release_has_signers_of_its_own(shop: Workshop) -> None:
    shop.box()
    for version in ("1.0", "1.1"):
        shop.release(version)
    signers = [entry for entry in shop.vendor.issued if entry.purpose == "RELEASE_SIGNER"]
    assert len({entry.serial for entry in signers}) == 2
    assert not any(
        "release" in name
        for name in files(shop.folder / "vendor/authority")
        if name != "release-ca.key" and name != "release-ca.pem"
    )


def test_a_release_demands_the_lists_there_are(shop: Workshop) -> None:
    box = shop.box()
    register = shop.folder / "vendor/register.json"
    # A cut between the number and the list: the number is gone, the list of the number before stands.
    register.write_text(register.read_text().replace('"root": 1', '"root": 5'))
    release = shop.release("1.0")
    try:
        box.take(release)
    except Refusal as refusal:
        pytest.fail(f"the release demands what nobody can bring: {refusal}")
