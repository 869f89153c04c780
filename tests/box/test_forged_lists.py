"""A revocation list that nobody signed, in the store of a box: it keeps no genuine one out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.box import BoxService, Person
from appliance.box.schema import SettingRow
from appliance.trust.issuing import Issuer, issue_crl
from appliance.trust.profile import read_certificate, usage
from appliance.trust.purpose import Purpose
from media_format import cbor
from media_format.objects import Role
from media_format.progress import silent
from media_format.refusal import Code
from media_format.wire import MAX_UINT
from tests.trust_world import new_key
from tests.workshop import NOW, PIN, TPM, Box, Workshop, ask, now

SECRET = "a long passphrase"


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def forged_into(box: Box) -> None:
    """What whoever owns a box, and its PIN, puts into its store: a list of the devices' authority."""
    (ca,) = [
        certificate
        for certificate in map(read_certificate, box.service._machine.own().bundle.certificates)
        if usage(certificate) == [Purpose.DEVICE_CA.oid]
    ]
    forged = issue_crl(Issuer(ca, new_key(), ()), (), MAX_UINT, NOW, NOW + 1)
    with box.service._machine.acting(box.session, "forge", "") as transaction:
        transaction.merge(SettingRow(name="crls", value=cbor.encode([forged])))


def revoke_device(shop: Workshop, box: Box, name: str) -> None:
    """The vendor revokes a device, and the box gets the new lists."""
    for issued in shop.vendor.issued:
        if issued.id == name:
            shop.vendor.revoke(int(issued.serial, 16))
    box.service.install_lists(replace(shop.boxes[box.service.id], crls=shop.vendor.crls()))


def test_a_device_is_revoked_at_a_box_whose_store_holds_a_forged_list(shop: Workshop) -> None:
    box, stick = shop.box(), shop.medium()
    ask(shop.device(), stick)
    forged_into(box)
    revoke_device(shop, box, "pump-17")
    assert [one.code for one in box.service.admit(stick)] == [Code.REVOKED]


@pytest.mark.parametrize("enrolled", [True, False])
def test_a_forged_list_does_not_come_along_with_what_a_box_takes_over(shop: Workshop, enrolled: bool) -> None:
    old, stick = shop.box("old"), shop.medium()
    ask(shop.device(), stick)
    forged_into(old)
    old.service.backup(shop.folder / "backup", SECRET, old.session, silent)
    folder = shop.folder / "new"
    request = BoxService.create(folder, "new", "chief", PIN, tpm=TPM, now=now)
    shop.boxes["new"] = shop.vendor.enrol(Role.BOX, request).bundle
    if enrolled:
        BoxService.open(folder, now=now).install_certificates(shop.boxes["new"])
    BoxService.restore(folder, shop.folder / "backup", SECRET, Person("chief", PIN), now=now)
    service = BoxService.open(folder, now=now)
    if not enrolled:
        service.install_certificates(shop.boxes["new"])
    new = Box(folder, service, service.unlock("chief", PIN))
    revoke_device(shop, new, "pump-17")
    assert [one.code for one in service.admit(stick)] == [Code.REVOKED]
