"""A device follows directives once and whole, wherever the power goes meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.device import Device
from appliance.trust.bundle import Bundle
from appliance.vendor import Addressee
from media_format.objects import Role
from tests.cli.state import read_record
from tests.device.power import Manner
from tests.device.test_power_cuts import Scene, manners
from tests.workshop import NOW, PASSPHRASE, Workshop, apply, now, volume_in

PUMP = Addressee(Role.DEVICE, "pump-17")


@pytest.fixture
def ordered(tmp_path: Path) -> Workshop:
    """A device whose floor is too high, and a stick with a directive of every kind for it."""
    shop = Workshop(tmp_path)
    shop.device()
    read_record(shop.device_folder()).update(time_floor=NOW + 1800)
    shop.vendor.renew_authority("device-ca")
    shop.vendor.rotate_root(PASSPHRASE)
    with volume_in(shop.medium()) as volume:
        orders = shop.vendor.directives
        orders.lower_time_floor(volume, PUMP, NOW)
        orders.renew(volume, PUMP)
        orders.cross_sign(volume, PUMP)
    return shop


def held(folder: Path) -> Bundle:
    return Bundle.from_pem((folder / "certificates.pem").read_bytes())


@manners(Manner.BEFORE, Manner.TORN, Manner.AFTER)
def test_directives_cut_off_anywhere_end_followed(ordered: Workshop, manner: Manner) -> None:
    scene = Scene.of(ordered.device_folder(), ordered.medium())
    before = held(scene.folder)
    for device in scene.cut_everywhere(lambda device: apply(device, scene.stick), manner):
        assert device.status().enrolled
        apply(device, scene.stick)
        facts, after = read_record(scene.folder).facts, held(scene.folder)
        assert (facts.directive, facts.time_floor) == (3, NOW)
        assert after.certificates != before.certificates
        assert len(after.anchor.roots) == 2


def test_a_fresh_request_shows_that_a_directive_was_followed(ordered: Workshop) -> None:
    device, stick = Device.open(ordered.device_folder(), now), ordered.medium()
    assert apply(device, stick).requested
    assert len(list((stick / "UPDATEBX/REQUESTS").glob("*.REQ"))) == 1
    assert not apply(device, stick).requested
