"""What a box offers a device: the newest release that its request says fits it."""

from __future__ import annotations

from pathlib import Path

from appliance.box import Action
from media_format.progress import silent
from media_format.refusal import Code
from tests.trust_world import refused
from tests.workshop import SLOT_SIZE, Box, Workshop, ask, delivered, make_image, update

TOO_LONG = {"rootfs": bytes(SLOT_SIZE + 1)}
ELSEWHERE = {"rootfs": make_image("2.0"), "loader": make_image("loader")}


def asked(shop: Workshop) -> tuple[Box, Path]:
    """A box with release 1.0, and a stick on which a device asks."""
    box, stick = shop.box(), shop.medium()
    box.take(shop.release("1.0"))
    ask(shop.device(), stick)
    return box, stick


def test_the_newest_release_that_fits_is_offered(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, stick = asked(shop)
    box.take(shop.release("1.1"))
    box.take(shop.release("2.0", TOO_LONG))
    box.take(shop.release("3.0", ELSEWHERE))
    (found,) = box.service.admit(stick)
    assert (found.code, found.release_version) == (None, "1.1")
    (written,) = box.service.write(stick, ("pump-17",), box.session, silent).packages
    assert written.version == "1.1"


def test_why_the_newest_release_is_not_offered_is_said(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, stick = asked(shop)
    box.take(shop.release("2.0", TOO_LONG))
    box.take(shop.release("3.0", ELSEWHERE))
    (found,) = box.service.admit(stick)
    assert found.withheld is not None
    assert (found.withheld.version, found.withheld.code) == ("3.0", Code.REGION_FORBIDDEN)
    assert "pump-17 cannot install 3.0: updates may not write to a slot 'loader'" in found.detail


def test_a_release_that_fills_the_slot_to_its_last_byte_is_offered(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, stick = asked(shop)
    box.take(shop.release("2.0", {"rootfs": bytes(SLOT_SIZE)}))
    (found,) = box.service.admit(stick)
    assert (found.release_version, found.withheld) == ("2.0", None)


def test_a_slot_is_as_large_as_its_smaller_bank(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, stick, device = shop.box(), shop.medium(), shop.device()
    with (shop.device_folder() / "slots" / "rootfs.b").open("r+b") as bank:
        bank.truncate(SLOT_SIZE // 2)
    box.take(shop.release("1.0", {"rootfs": bytes(SLOT_SIZE)}))
    ask(device, stick)
    (found,) = box.service.admit(stick)
    assert found.release is None
    assert found.withheld is not None and found.withheld.code is Code.NO_SPACE


def test_a_release_that_does_not_fit_and_is_no_news_is_not_spoken_of(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, device, stick = shop.box(), shop.device(), shop.medium()
    box.take(shop.release("1.0", TOO_LONG))
    delivered(shop, box, device, "2.0", stick)
    update(device, stick)
    (found,) = box.service.admit(stick)
    assert (found.release, found.withheld) == (None, None)


def test_a_release_that_does_not_fit_is_not_written_though_a_person_names_it(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, stick = asked(shop)
    box.take(shop.release("3.0", ELSEWHERE))
    digest = next(one.manifest_digest for one in box.service.releases() if one.version == "3.0")
    with refused(Code.REGION_FORBIDDEN):
        box.service.write(stick, ("pump-17",), box.session, silent, release=digest)


def test_a_medium_on_which_nobody_can_be_served_says_why(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, stick = shop.box(), shop.medium()
    box.take(shop.release("1.0", TOO_LONG))
    ask(shop.device(), stick)
    found = box.service.survey(stick)
    assert found.action is Action.NOTHING
    assert found.suggestion == (
        "1.0 is not for pump-17. The image does not fit the slot; ask the vendor for a release made for this"
        " device. (no-space)"
    )
