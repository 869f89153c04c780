"""The home screen: media come and go, each card says what to do, and a line says how the box is."""

from __future__ import annotations

import shutil

from tests.tui.technician import kiosk_of
from tests.tui.template import FIRST, NEW, SECOND, Place, import_release
from tui.bays import State


async def test_a_medium_with_a_request_says_who_asks_for_what(place: Place) -> None:
    stick = place.new_stick("one.img", FIRST)
    async with kiosk_of(place, stick) as technician:
        await technician.unlock()
        await technician.sees(f"Device {FIRST} asks for an update: no release → {NEW}. Press Enter.")
        assert "1 request" in technician.seen()
        assert "YOUR TURN" in technician.seen()
        assert not technician.cut_off()


async def test_a_medium_with_several_requests_names_all_devices(place: Place) -> None:
    async with kiosk_of(place, place.stick) as technician:
        await technician.unlock()
        await technician.sees(f"2 devices ask for updates: {FIRST}, {SECOND}. Press Enter.")


async def test_each_of_several_media_has_a_card(place: Place) -> None:
    others = (place.new_stick("one.img", FIRST), place.new_stick("two.img", SECOND))
    async with kiosk_of(place, *others) as technician:
        await technician.unlock()
        await technician.sees(f"Device {FIRST} asks")
        await technician.sees(f"Device {SECOND} asks")
        assert set(technician.cards) == {"one.img", "two.img"}
        assert not technician.cut_off()


async def test_media_appear_and_disappear_as_the_system_mounts_them(place: Place) -> None:
    media = place.folder / "media"
    media.mkdir()
    async with kiosk_of(place, folders=(media,)) as technician:
        await technician.unlock()
        await technician.sees("Plug in a stick or a card")
        place.new_directory("elsewhere", FIRST).rename(media / "stick")
        await technician.sees(f"Device {FIRST} asks for an update")
        shutil.rmtree(media / "stick")
        await technician.sees("Plug in a stick or a card")
        assert not technician.cards


async def test_the_chosen_card_stays_chosen_when_media_come_and_go(place: Place) -> None:
    media = place.folder / "media"
    media.mkdir()
    fixed = place.new_stick("fixed.img", FIRST)
    async with kiosk_of(place, place.stick, fixed, folders=(media,)) as technician:
        await technician.unlock()
        await technician.sees(f"Device {FIRST} asks")
        await technician.press("down")
        chosen = technician.cards["fixed.img"]
        assert technician.kiosk.focused is chosen
        place.new_directory("elsewhere", SECOND).rename(media / "stick")
        await technician.until(lambda: "stick" in technician.cards, "a third card")
        shutil.rmtree(media / "stick")
        await technician.until(lambda: "stick" not in technician.cards, "two cards")
        await technician.press("f2")
        await technician.until(lambda: chosen.bay.state is State.WAITING, "reading again")
        assert technician.kiosk.focused is chosen
        assert technician.cards["fixed.img"] is chosen, "the card was replaced, which flickers"


async def test_a_medium_that_is_no_fat_says_what_to_do(place: Place) -> None:
    noise = place.folder / "noise.img"
    noise.write_bytes(b"\xaa" * 100_000)
    async with kiosk_of(place, noise, place.folder / "absent.img") as technician:
        await technician.unlock()
        await technician.sees("The medium cannot be read as FAT; format it at the box, or use another one.")
        await technician.sees("there is no such medium")
        assert technician.seen().count("CANNOT BE USED") == 2
        await technician.press("enter")
        assert technician.screen == "BaysScreen"


async def test_reading_again_notices_what_changed(place: Place) -> None:
    stick = place.new_stick("one.img")
    async with kiosk_of(place, stick) as technician:
        await technician.unlock()
        await technician.sees("There is nothing for this box on the medium.")
        shutil.copyfile(place.stick, stick)
        await technician.press("f2")
        await technician.sees("2 devices ask for updates")


async def test_a_device_with_the_newest_release_has_nothing_to_do(place: Place) -> None:
    import_release(place)
    stick = place.new_stick("one.img", FIRST)
    service = place.service()
    service.admit(stick)
    service.write(stick, (FIRST,), service.unlock("chief", "271828"), lambda _: None)
    place.installed(stick)
    fresh = place.new_stick("fresh.img", FIRST)
    async with kiosk_of(place, fresh) as technician:
        await technician.unlock()
        await technician.press("enter")
        await technician.sees("RECEIPTS TAKEN IN")
        await technician.press("enter")
        await technician.sees(f"{FIRST} has the newest release.")


async def test_a_healthy_box_says_so_with_its_time_and_its_tpm(place: Place) -> None:
    async with kiosk_of(place) as technician:
        await technician.unlock()
        await technician.sees("BOX HEALTHY")
        assert "UTC (development) TPM soft: ready 2 releases" in technician.seen()
        assert not technician.cut_off()


async def test_a_release_is_taken_in_from_a_medium(place: Place) -> None:
    async with kiosk_of(place, place.release) as technician:
        await technician.unlock()
        await technician.sees("There is a release from the vendor on this medium. Press Enter.")
        await technician.press("enter")
        await technician.sees("RELEASE TAKEN IN")
        await technician.sees("In the store now: pump 1.2.0.")
        await technician.press("enter")
        await technician.sees("There is nothing for this box on the medium.")
    assert "1.2.0" in {release.version for release in place.service().releases()}
