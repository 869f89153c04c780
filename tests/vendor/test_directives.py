"""The vendor's side of directives, renewal and another root: its book, its files, what a cut leaves."""

from __future__ import annotations

import threading
from pathlib import Path
from unittest import mock

import pytest

from appliance.trust.crl import RevocationLists
from appliance.trust.purpose import Purpose
from appliance.vendor import Addressee, Vendor
from appliance.vendor.authority import Authorities
from media_format.errors import MachineFault, Misuse
from media_format.objects import Role
from media_format.refusal import Code
from tests.trust_world import refused
from tests.workshop import NOW, PASSPHRASE, Workshop, now, volume_in

PUMP, BOX = Addressee(Role.DEVICE, "pump-17"), Addressee(Role.BOX, "box-1")


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def reopened(shop: Workshop) -> Vendor:
    return Vendor.open(shop.folder / "vendor", PASSPHRASE, now)


def test_every_machine_and_epoch_has_sequences_of_its_own(shop: Workshop) -> None:
    shop.box()
    shop.device()
    with volume_in(shop.medium()) as volume:
        issued = [reopened(shop).directives.renew(volume, whom) for whom in (PUMP, PUMP, BOX)]
        shop.device(epoch=2)
        issued.append(reopened(shop).directives.renew(volume, PUMP))
    found = [(one.target, one.epoch, one.sequence) for one in issued]
    assert found == [("pump-17", 1, 1), ("pump-17", 1, 2), ("box-1", 0, 1), ("pump-17", 2, 1)]


def test_two_processes_never_give_out_one_sequence(shop: Workshop) -> None:
    shop.device()
    sequences: list[int] = []

    def work(number: int) -> None:
        vendor = reopened(shop)
        with volume_in(shop.medium(f"out-{number}")) as volume:
            for _ in range(4):
                sequences.append(vendor.directives.lower_time_floor(volume, PUMP, NOW).sequence)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sequences) == list(range(1, 9))


def test_every_directive_has_a_signer_that_can_be_revoked(shop: Workshop) -> None:
    shop.device()
    with volume_in(shop.medium()) as volume:
        for _ in range(2):
            shop.vendor.directives.lower_time_floor(volume, PUMP, NOW)
    signers = {entry.serial for entry in shop.vendor.issued if entry.purpose == "DIRECTIVE_SIGNER"}
    assert len(signers) == 2
    for serial in signers:
        assert shop.vendor.revoke(int(serial, 16)).revoked


def test_a_renewal_keeps_holder_and_keys(shop: Workshop) -> None:
    shop.box()
    before, after = shop.boxes["box-1"], shop.vendor.renew(BOX)
    for purpose in (Purpose.BOX_IDENTITY, Purpose.BOX_TRANSPORT):
        old, new = before.verified(purpose), after.verified(purpose)
        assert (new.profile, new.spki) == (old.profile, old.spki)
        assert new.certificate.serial_number != old.certificate.serial_number


def test_revoking_a_box_revokes_its_renewals_too(shop: Workshop) -> None:
    shop.box()
    renewed, before = shop.vendor.renew(BOX), shop.boxes["box-1"]
    purposes = (Purpose.BOX_IDENTITY, Purpose.BOX_TRANSPORT)
    shop.vendor.revoke_all([before.verified(one).certificate.serial_number for one in purposes])
    lists = RevocationLists(shop.vendor.anchor, shop.vendor.crls())
    for purpose in purposes:
        with refused(Code.REVOKED):
            lists.judge_chain(renewed.verified(purpose))


def test_who_was_revoked_is_not_renewed(shop: Workshop) -> None:
    shop.box()
    serial = next(entry.serial for entry in shop.vendor.issued if entry.purpose == "BOX_TRANSPORT")
    shop.vendor.revoke(int(serial, 16))
    with pytest.raises(Misuse, match="revoked"):
        shop.vendor.renew(BOX)


def test_a_lost_certificate_is_named(shop: Workshop) -> None:
    shop.box()
    for path in (shop.folder / "vendor/certificates").iterdir():
        path.unlink()
    with pytest.raises(MachineFault, match="certificates/"):
        shop.vendor.renew(BOX)


def test_a_root_is_no_issuing_authority_to_be_renewed(shop: Workshop) -> None:
    with pytest.raises(Misuse, match="release-ca"):
        shop.vendor.renew_authority("root")


def test_new_machines_trust_every_root(shop: Workshop) -> None:
    shop.vendor.rotate_root(PASSPHRASE)
    shop.box()
    anchor = shop.boxes["box-1"].anchor
    assert len(anchor.roots) == 2
    assert anchor == shop.vendor.anchor == reopened(shop).anchor


def test_a_box_that_was_enrolled_before_goes_on_getting_releases(shop: Workshop) -> None:
    box = shop.box()
    shop.vendor.rotate_root(PASSPHRASE)
    box.take(shop.release("1.0"))


@pytest.mark.parametrize("method", ["save", "issue_below"])
def test_a_rotation_that_was_cut_off_is_finished(shop: Workshop, method: str) -> None:
    with (
        mock.patch.object(Authorities, method, side_effect=KeyboardInterrupt),
        pytest.raises(KeyboardInterrupt),
    ):
        shop.vendor.rotate_root(PASSPHRASE)
    vendor = reopened(shop)
    assert len(vendor.anchor.roots) == 1
    assert vendor.rotate_root(PASSPHRASE) == "root-2"
    assert len(reopened(shop).anchor.roots) == 2
    assert len([entry for entry in vendor.issued if entry.purpose == "ROOT"]) == 1


def test_a_wrong_passphrase_adds_no_root(shop: Workshop) -> None:
    with refused(Code.PIN_WRONG):
        shop.vendor.rotate_root("another passphrase")
    assert len(reopened(shop).anchor.roots) == 1


def test_the_newest_root_is_used_once_it_is_asked_for(shop: Workshop) -> None:
    def above(vendor: Vendor) -> bytes:
        bundle = vendor.renew(BOX)
        return bundle.verified(Purpose.BOX_IDENTITY).issuers[-1].id

    shop.box()
    old = above(shop.vendor)
    shop.vendor.rotate_root(PASSPHRASE)
    assert above(reopened(shop)) == old
    assert shop.vendor.use_root() == "root-2"
    assert above(reopened(shop)) != old
