"""Who gets in, who does not, and what the screen says about it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from appliance.box import BoxService, UserRole
from tests.tui.technician import Technician, kiosk_of
from tests.tui.template import PIN, USER, WRONG_PIN, Place, now


async def test_the_right_pin_opens_the_bays_and_names_the_person(place: Place) -> None:
    async with kiosk_of(place) as technician:
        await technician.unlock()
        assert not technician.kiosk.locked
        await technician.sees(f"box-1 {USER}")


async def test_a_pin_can_be_touched(place: Place) -> None:
    async with kiosk_of(place) as technician:
        await technician.sees("Type your PIN")
        await technician.touch("#pad-9")
        await technician.touch("#pad-erase")
        for digit in PIN:
            await technician.touch(f"#pad-{digit}")
        await technician.touch("#pad-try_pin")
        await technician.is_at("BaysScreen")


async def test_a_wrong_pin_stays_outside_and_says_how_many_are_left(place: Place) -> None:
    async with kiosk_of(place) as technician:
        await technician.sees("Type your PIN")
        await technician.press(*WRONG_PIN, "enter")
        await technician.sees("The PIN or passphrase is wrong")
        assert "4 more wrong ones lock this PIN" in technician.seen()
        assert technician.kiosk.locked


async def lock_out(technician: Technician) -> None:
    """Five wrong PINs of the person who is chosen, and one attempt more."""
    await technician.sees("Type your PIN")
    for answer in ("4 more", "3 more", "2 more", "1 more", "locked now", f"{USER}: 5 wrong PINs; wait"):
        await technician.press(*WRONG_PIN, "enter")
        await technician.sees(answer)


async def test_a_lock_out_says_how_long_and_takes_no_pin(place: Place) -> None:
    time = [now()]
    service = BoxService.open(place.box, now=lambda: time[0])
    async with kiosk_of(place, service=service) as technician:
        await lock_out(technician)
        time[0] += 18
        await technician.press(*PIN, "enter")
        await technician.sees("wait 42 seconds")
        assert technician.kiosk.locked
        assert not technician.cut_off()


async def test_somebody_who_is_locked_out_keeps_nobody_else_out(place: Place) -> None:
    place.service().add_user("zoe", UserRole.TECHNICIAN, "161803", place.service().unlock(USER, PIN))
    async with kiosk_of(place) as technician:
        await technician.sees("zoe")
        await technician.press("enter")
        await lock_out(technician)
        await technician.press("shift+tab", "down", "enter", *"161803", "enter")
        await technician.is_at("BaysScreen")


async def test_a_lock_out_ends_by_itself(place: Place) -> None:
    time = [now()]
    service = BoxService.open(place.box, now=lambda: time[0])
    async with kiosk_of(place, service=service) as technician:
        await lock_out(technician)
        time[0] += 3600
        await technician.press(*PIN, "enter")
        await technician.is_at("BaysScreen")


async def test_everybody_who_may_unlock_the_box_is_offered(place: Place) -> None:
    place.service().add_user("anna", UserRole.TECHNICIAN, "161803", place.service().unlock(USER, PIN))
    async with kiosk_of(place) as technician:
        await technician.sees("anna")
        await technician.press("down", "enter")
        await technician.unlock()
        await technician.sees(f"box-1 {USER}")


async def test_the_kiosk_locks_itself_when_nobody_touches_it(place: Place) -> None:
    time = [0.0]
    async with kiosk_of(place, idle=300, clock=lambda: time[0]) as technician:
        await technician.unlock()
        time[0] += 200
        await technician.press("f1", "escape")
        time[0] += 200
        assert not technician.kiosk.locked
        time[0] += 101
        await technician.sees("Locked, because nobody used the box for a while.")
        assert technician.kiosk.locked
        await technician.unlock()


async def test_locking_asks_for_the_pin_from_every_screen(place: Place) -> None:
    time = [0.0]
    async with kiosk_of(place, place.stick, idle=300, clock=lambda: time[0]) as technician:
        await technician.unlock()
        await technician.sees("Press Enter")
        await technician.press("enter")
        await technician.is_at("ReviewScreen")
        await technician.press("f1")
        time[0] += 301
        await technician.is_at("UnlockScreen")
        await technician.unlock()


async def test_a_box_without_certificates_says_what_to_do(tmp_path: Path) -> None:
    place = Place(tmp_path)
    BoxService.create(place.box, "box-1", USER, PIN, now=now)
    medium = tmp_path / "medium"
    medium.mkdir()
    async with kiosk_of(place, medium) as technician:
        await technician.unlock()
        await technician.sees("No certificates yet. Send the box's enrolment request to the vendor")
        await technician.sees("CANNOT BE USED")
        assert "this box has no certificates yet" in technician.seen()
        assert not technician.cut_off()


async def test_a_box_without_users_says_so(place: Place) -> None:
    with sqlite3.connect(place.box / "box.db") as database:
        database.execute("DELETE FROM users")
    database.close()
    async with kiosk_of(place) as technician:
        await technician.sees("Nobody may use this box yet.")
        await technician.press(*PIN, "enter")
        assert technician.kiosk.locked


async def test_a_box_whose_key_store_was_damaged_says_so(place: Place) -> None:
    (counts,) = (place.box / "tpm").glob("lockout-*")
    counts.write_bytes(bytes(len(counts.read_bytes())))
    async with kiosk_of(place) as technician:
        await technician.sees("The key store does not answer")
        await technician.press(*PIN, "enter")
        assert technician.kiosk.locked
