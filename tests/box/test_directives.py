"""A box follows a directive once, whatever else happens at the time."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from appliance.box import BoxService, directives
from appliance.box.ledger import Acts
from appliance.box.schema import SettingRow
from appliance.trust.bundle import Bundle
from appliance.trust.directive import VerifiedDirective, admit_directive
from appliance.vendor import Addressee
from media_format.errors import MachineFault
from media_format.objects import Entitlement, Role
from media_format.refusal import Code
from tests.workshop import Box, Workshop, now, volume_in

BOX = Addressee(Role.BOX, "box-1")


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def renewing(shop: Workshop, name: str = "stick") -> Path:
    """A stick with a renewal for the box."""
    with volume_in(shop.medium(name)) as volume:
        shop.vendor.directives.renew(volume, BOX)
    return shop.medium(name)


def certificates(box: Box) -> tuple[bytes, ...]:
    return Bundle.from_pem((box.folder / "certificates.pem").read_bytes()).certificates


def test_a_directive_that_was_cut_off_is_followed_the_next_time(shop: Workshop) -> None:
    box = shop.box()
    stick, before = renewing(shop), certificates(box)
    with (
        mock.patch.object(Acts, "enter", side_effect=MachineFault("no space")),
        pytest.raises(MachineFault),
    ):
        box.service.follow(stick)
    after = certificates(box)
    assert after != before
    assert [one.code for one in box.service.follow(stick)] == [None]
    assert certificates(box) == after
    assert [entry.act for entry in box.service.ledger(1)] == ["directive"]


def test_two_programs_follow_a_directive_once(shop: Workshop) -> None:
    box = shop.box()
    stick, other = renewing(shop), BoxService.open(box.folder, now=now)

    def overtaken(*arguments: Any) -> VerifiedDirective:
        """Judge a directive while the other program follows it."""
        with mock.patch.object(directives, "admit_directive", admit_directive):
            assert [one.code for one in other.follow(stick)] == [None]
        return admit_directive(*arguments)

    with mock.patch.object(directives, "admit_directive", overtaken):
        assert [one.code for one in box.service.follow(stick)] == [Code.REQUEST_REPLAYED]
    acts = [entry.act for entry in box.service.ledger()]
    assert acts.count("directive") == 1


def test_a_program_that_is_overtaken_puts_no_older_certificates_over_newer_ones(shop: Workshop) -> None:
    box = shop.box()
    first, second = renewing(shop, "first"), renewing(shop, "second")
    other, newer = BoxService.open(box.folder, now=now), []

    def overtaken(*arguments: Any) -> VerifiedDirective:
        """Judge the first directive while the other program follows both."""
        with mock.patch.object(directives, "admit_directive", admit_directive):
            assert [one.code for stick in (first, second) for one in other.follow(stick)] == [None, None]
        newer.append(certificates(box))
        return admit_directive(*arguments)

    with mock.patch.object(directives, "admit_directive", overtaken):
        assert [one.code for one in box.service.follow(first)] == [Code.REQUEST_REPLAYED]
    assert [certificates(box)] == newer


def test_a_directive_is_followed_where_no_clock_is_trusted(shop: Workshop) -> None:
    box = shop.box()
    stick = renewing(shop)
    toml = box.folder / "box.toml"
    toml.write_text(toml.read_text().replace('["development"]', "[]"))
    service = BoxService.open(box.folder, now=now)
    assert [one.code for one in service.follow(stick)] == [None]
    (entry,) = service.ledger(1)
    assert (entry.act, entry.detail, entry.source) == ("directive", "1 renew", "none")


def test_a_damaged_list_in_the_store_is_named(shop: Workshop) -> None:
    box = shop.box()
    with volume_in(shop.medium()) as volume:
        shop.vendor.directives.entitle(volume, BOX, (Entitlement(allowed=True, product="pump"),))
    box.service.follow(shop.medium())
    assert len(box.service.rules()) == 1
    with box.service._machine.store.transaction() as transaction:
        row = transaction.get(SettingRow, "entitlements")
        assert row is not None
        row.value = b"rust"
    with pytest.raises(MachineFault, match="damaged"):
        box.service.rules()
