"""A device from its request to its receipt, with everything as it is meant to be."""

from __future__ import annotations

from pathlib import Path

from media_format.objects import Outcome
from tests.workshop import Workshop, apply, delivered, make_image, only


def test_a_sealed_package_is_installed_booted_and_confirmed(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    delivered(shop, box, device, "1.0", stick)
    assert only(apply(device, stick)).outcome is Outcome.INSTALLED
    assert device.verify_boot().version == "1.0"
    assert device.confirm() == "1.0"
    image = make_image("1.0")
    assert (shop.device_folder() / "slots/rootfs.b").read_bytes()[: len(image)] == image
