"""Packages written ahead: without a request, for devices that asked once, where the policy allows it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.vendor.service import DEFAULT_POLICY
from media_format.errors import Misuse
from media_format.objects import Outcome
from media_format.progress import silent
from media_format.refusal import Code
from tests.trust_world import refused
from tests.workshop import Workshop, apply, ask, delivered, files, only, update


def test_a_device_that_asked_once_installs_what_was_written_ahead(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick, other = shop.box(), shop.device(), shop.medium(), shop.medium("other")
    delivered(shop, box, device, "1.0", stick)
    update(device, stick)
    box.take(shop.release("1.1"))
    box.service.write(other, ("pump-17",), box.session, silent, ahead=True)
    assert box.service.ledger(1)[0].detail.startswith("pump 1.1 for pump-17 ahead as ")
    assert only(apply(device, other)).outcome is Outcome.INSTALLED
    device.verify_boot()
    device.confirm()
    assert only(apply(device, other)).code is Code.ALREADY_INSTALLED


def test_nothing_is_written_ahead_where_the_policy_wants_a_request(tmp_path: Path) -> None:
    shop = Workshop(tmp_path, replace(DEFAULT_POLICY, unrequested=False))
    box, device, stick, other = shop.box(), shop.device(), shop.medium(), shop.medium("other")
    box.take(shop.release("1.0"))
    ask(device, stick)
    box.service.admit(stick)
    with refused(Code.REQUEST_MISMATCH):
        box.service.write(other, ("pump-17",), box.session, silent, ahead=True)
    assert files(other) == {}


def test_nothing_is_written_ahead_for_a_device_that_never_asked(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, other = shop.box(), shop.medium("other")
    shop.device()
    box.take(shop.release("1.0"))
    with pytest.raises(Misuse, match="no request"):
        box.service.write(other, ("pump-17",), box.session, silent, ahead=True)
