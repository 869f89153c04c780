"""From a request to a stick that the device installs, and everything that can come between."""

from __future__ import annotations

import shutil
from pathlib import Path

from media_format.objects import Entitlement
from tests.tui.slow_box import slow_box
from tests.tui.technician import Technician, kiosk_of
from tests.tui.template import FIRST, NEW, PIN, SECOND, USER, Place, check_file_system, contents, mounted


async def review(technician: Technician) -> None:
    """Unlock the kiosk and choose the first card."""
    await technician.unlock()
    await technician.sees("Press Enter")
    await technician.press("enter")
    await technician.is_at("ReviewScreen")


async def test_a_request_becomes_a_stick_that_the_device_installs(place: Place) -> None:
    stick = place.new_stick("one.img", FIRST)
    async with kiosk_of(place, stick) as technician:
        await review(technician)
        seen = technician.seen()
        assert f"{FIRST} pump no release → {NEW}" in seen
        assert f"Notes of {NEW}." in seen
        assert "The device will check the signatures" in seen
        assert not technician.cut_off()
        await technician.press("enter")
        await technician.sees("SAFE TO REMOVE")
        assert f"{NEW} for {FIRST}" in technician.seen()
        assert "read back from the medium" in technician.seen()
        assert not technician.cut_off()
    check_file_system(stick)
    assert place.installed(stick) == NEW


async def test_every_device_on_a_stick_gets_its_package_and_its_code(place: Place) -> None:
    async with kiosk_of(place, place.stick) as technician:
        await review(technician)
        assert not technician.cut_off()
        await technician.press("enter")
        await technician.sees("SAFE TO REMOVE")
        await technician.sees("code 1 of 2")
        first = technician.kiosk.screen.query_one("#qr").render()
        await technician.press("f5")
        await technician.sees("code 2 of 2")
        assert str(technician.kiosk.screen.query_one("#qr").render()) != str(first)
        assert not technician.cut_off()
    assert (place.installed(place.stick, FIRST), place.installed(place.stick, SECOND)) == (NEW, NEW)


async def test_a_device_that_the_newest_release_does_not_fit_gets_a_reason(place: Place) -> None:
    with (place.folder / f"{FIRST}-1" / "slots" / "rootfs.b").open("r+b") as bank:
        bank.truncate(4096)
    async with kiosk_of(place, place.new_stick("two.img", FIRST, SECOND)) as technician:
        await review(technician)
        seen = technician.seen()
        assert f"{SECOND} pump no release → {NEW}" in seen
        assert f"{FIRST}: NOT {NEW}: The image does not fit the slot; ask the vendor" in seen
        assert "(no-space)" in seen
        assert not technician.cut_off()


async def test_a_device_that_has_installed_the_release_and_not_confirmed_it_is_told_of(place: Place) -> None:
    stick, service = place.new_stick("one.img", FIRST), place.service()
    service.admit(stick)
    service.write(stick, (FIRST,), service.unlock("chief", "271828"), lambda _: None)
    with mounted(stick) as volume:
        place.device().apply(volume)
    service.collect(stick)
    async with kiosk_of(place, place.new_stick("two.img", FIRST, SECOND)) as technician:
        await review(technician)
        seen = technician.seen()
        assert f"{SECOND} pump no release → {NEW}" in seen
        assert f"{NEW} is installed on {FIRST}, not confirmed yet." in seen
        assert not technician.cut_off()


async def test_a_device_without_a_mark_gets_nothing(place: Place) -> None:
    async with kiosk_of(place, place.stick) as technician:
        await review(technician)
        await technician.press("up", "space")
        await technician.sees(f"[ ] {SECOND}")
        await technician.press("enter")
        await technician.sees("SAFE TO REMOVE")
        assert SECOND not in technician.seen()
        await technician.press("enter")
        await technician.sees(f"Device {SECOND} asks for an update")


async def test_nothing_is_written_for_nobody(place: Place) -> None:
    before = contents(place.stick)
    async with kiosk_of(place, place.stick) as technician:
        await review(technician)
        await technician.touch(".tick")
        await technician.press("down", "space", "enter")
        await technician.sees("Mark at least one device.")
        assert technician.screen == "ReviewScreen"
    assert contents(place.stick) == before


async def test_going_back_from_the_review_writes_nothing(place: Place) -> None:
    before = contents(place.stick)
    async with kiosk_of(place, place.stick) as technician:
        await review(technician)
        await technician.press("escape")
        await technician.is_at("BaysScreen")
    assert contents(place.stick) == before


async def test_after_writing_the_card_says_to_take_the_medium_to_the_device(place: Place) -> None:
    stick = place.new_stick("one.img", FIRST)
    async with kiosk_of(place, stick) as technician:
        await review(technician)
        await technician.press("enter")
        await technician.sees("SAFE TO REMOVE")
        await technician.press("enter")
        await technician.sees(f"The update for {FIRST} is on this medium: take it to the device.")
        await technician.press("enter")
        await technician.is_at("OutcomeScreen")


async def test_progress_is_shown_and_cancelling_leaves_the_medium_as_it_was(place: Place) -> None:
    before, service = contents(place.stick), slow_box(place)
    async with kiosk_of(place, place.stick, service=service) as technician:
        await review(technician)
        await technician.press("enter")
        await technician.is_at("ProgressScreen")
        await technician.sees("Sealing and writing 1 of 2")
        assert "DO NOT REMOVE THE MEDIUM" in technician.seen()
        assert not technician.cut_off()
        await technician.press("escape")
        await technician.sees("Cancelling")
        service.go_on()
        await technician.sees("CANCELLED")
        assert "The medium is as it was." in technician.seen()
        await technician.press("enter")
        await technician.sees("2 devices ask for updates")
    assert contents(place.stick) == before
    check_file_system(place.stick)


async def test_an_enter_too_many_does_not_cancel(place: Place) -> None:
    service = slow_box(place)
    async with kiosk_of(place, place.stick, service=service) as technician:
        await review(technician)
        await technician.press("enter", "enter", "enter")
        await technician.sees("Sealing and writing")
        await technician.press("enter", "space")
        service.go_on()
        await technician.sees("SAFE TO REMOVE")


async def test_a_medium_that_is_pulled_while_it_is_written_tells_what_to_do(place: Place) -> None:
    media, service = place.folder / "media", slow_box(place)
    place.new_directory("media/stick", FIRST)
    async with kiosk_of(place, folders=(media,), service=service) as technician:
        await review(technician)
        await technician.press("enter")
        await technician.sees("Sealing and writing")
        shutil.rmtree(media / "stick")
        service.go_on()
        await technician.sees("NOT DONE")
        assert "The medium was pulled or stopped answering; put it back and try again." in technician.seen()
        await technician.press("enter")
        await technician.sees("Plug in a stick or a card")


async def test_a_medium_that_is_pulled_during_the_review_leads_back_to_the_bays(place: Place) -> None:
    media = place.folder / "media"
    place.new_directory("media/stick", FIRST)
    async with kiosk_of(place, folders=(media,)) as technician:
        await review(technician)
        shutil.rmtree(media / "stick")
        await technician.sees("Plug in a stick or a card")


async def test_pulling_a_finished_medium_leads_back_to_the_bays(place: Place) -> None:
    media = place.folder / "media"
    place.new_directory("media/stick", FIRST)
    async with kiosk_of(place, folders=(media,)) as technician:
        await review(technician)
        await technician.press("enter")
        await technician.sees("SAFE TO REMOVE")
        shutil.rmtree(media / "stick")
        await technician.sees("Plug in a stick or a card")


async def test_two_media_are_written_at_once_while_keys_are_answered(place: Place) -> None:
    sticks, service = (place.new_stick("one.img", FIRST), place.new_stick("two.img", SECOND)), slow_box(place)
    async with kiosk_of(place, *sticks, service=service) as technician:
        await technician.unlock()
        await technician.sees(f"Device {SECOND} asks")
        for name in ("one.img", "two.img"):
            technician.cards[name].focus()
            await technician.press("enter")
            await technician.is_at("ReviewScreen")
            await technician.press("enter")
            await technician.is_at("ProgressScreen")
            await technician.press("f6")
            await technician.is_at("BaysScreen")
        await technician.until(lambda: technician.seen().count("WORKING") == 2, "two media at work")
        assert not technician.cut_off()
        service.go_on()
        await technician.until(lambda: technician.seen().count("SAFE TO REMOVE") == 4, "two finished media")
    assert (place.installed(sticks[0], FIRST), place.installed(sticks[1], SECOND)) == (NEW, NEW)


async def test_work_goes_on_behind_the_lock_and_its_end_is_shown_there(place: Place) -> None:
    time, service = [0.0], slow_box(place)
    stick = place.new_stick("one.img", FIRST)
    async with kiosk_of(place, stick, service=service, idle=300, clock=lambda: time[0]) as technician:
        await review(technician)
        await technician.press("enter")
        await technician.sees("Sealing and writing")
        time[0] += 301
        await technician.sees("Locked, because nobody used the box")
        await technician.sees("UPDATES: WORKING")
        service.go_on()
        await technician.sees("UPDATES: SAFE TO REMOVE")
        assert technician.kiosk.locked
    assert place.installed(stick) == NEW


async def test_a_full_medium_is_refused_with_what_to_do(place: Place) -> None:
    stick = place.new_stick("one.img", FIRST)
    _fill(stick)
    before = contents(stick)
    async with kiosk_of(place, stick) as technician:
        await review(technician)
        await technician.press("enter")
        await technician.sees("NOT DONE")
        assert (
            "The medium has too little room; delete files from it or use a larger one." in technician.seen()
        )
        assert not technician.cut_off()
    assert contents(stick) == before


async def test_a_device_that_is_not_allowed_cannot_be_marked(place: Place) -> None:
    service = place.service()
    service.put_rule(Entitlement(allowed=False, first=SECOND, last=SECOND), service.unlock(USER, PIN))
    async with kiosk_of(place, place.stick) as technician:
        await review(technician)
        await technician.sees(f"NOT {SECOND}: This device is not on the box's list")
        await technician.press("enter")
        await technician.sees("SAFE TO REMOVE")
        assert SECOND not in technician.seen()


async def test_receipts_come_home_and_are_listed_with_the_next_step(place: Place) -> None:
    stick = place.new_stick("one.img", FIRST)
    async with kiosk_of(place, stick) as technician:
        await review(technician)
        await technician.press("enter")
        await technician.sees("SAFE TO REMOVE")
    assert place.installed(stick) == NEW
    async with kiosk_of(place, stick) as technician:
        await technician.unlock()
        await technician.sees("2 new receipts on this medium. Press Enter.")
        await technician.press("enter")
        await technician.sees("RECEIPTS TAKEN IN")
        await technician.press("enter")
        await technician.is_at("BaysScreen")
        await technician.press("f3")
        await technician.sees("confirmed good")
        await technician.sees("Nothing needs to be done.")
        assert technician.kiosk.screen.query_one("#results").display
        assert not technician.cut_off()


def _fill(stick: Path) -> None:
    """Leave no room for a package."""
    with mounted(stick) as volume:
        free = volume.info().free - 4 * volume.info().cluster
        ticket = volume.begin("FILLER.BIN", free)
        volume.append(ticket, bytes(free))
        volume.commit(ticket)
