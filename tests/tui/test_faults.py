"""What must not bring the kiosk down, and what nobody may get out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.box import BoxService, MediumReport
from tests.tui.technician import Technician, kiosk_of
from tests.tui.template import FIRST, Place, now


class BrokenBox(BoxService):
    """A box with a fault that nobody foresaw."""

    def survey(self, medium: Path) -> MediumReport:
        raise ZeroDivisionError(f"{medium.name}\x1b[2J")


async def test_a_crash_of_a_worker_shows_a_message_and_enters_the_ledger(place: Place) -> None:
    async with kiosk_of(place, place.stick, service=BrokenBox.open(place.box, now=now)) as technician:
        await technician.unlock()
        await technician.sees("Something went wrong in the box that should not.")
        await technician.sees("ZeroDivisionError: stick.img?[2J")
        assert not technician.cut_off()
        await technician.press("f3")
        await technician.is_at("ResultsScreen")
    newest = place.service().ledger()[0]
    assert (newest.act, newest.detail) == ("fault", "kiosk: ZeroDivisionError: stick.img?[2J")


async def test_no_key_leads_out_of_a_kiosk_that_may_not_be_left(place: Place) -> None:
    async with kiosk_of(place, may_quit=False) as technician:
        await technician.unlock()
        await technician.press("ctrl+q", "ctrl+c", "ctrl+p", "ctrl+z", "ctrl+d", "ctrl+backslash")
        await technician.press("f1")
        await technician.is_at("HelpScreen")
        assert "Quit" not in technician.seen()


async def test_a_kiosk_that_may_be_left_names_the_key(place: Place) -> None:
    async with kiosk_of(place) as technician:
        await technician.sees("Ctrl+Q Quit")
        await technician.press("ctrl+q")
        await technician.until(lambda: not technician.kiosk.is_running, "the end")


async def _nowhere(technician: Technician) -> None:
    await technician.sees("Type your PIN")


async def _bays(technician: Technician) -> None:
    await technician.unlock()
    await technician.sees("Press Enter")


async def _review(technician: Technician) -> None:
    await _bays(technician)
    await technician.press("enter")
    await technician.is_at("ReviewScreen")


async def _outcome(technician: Technician) -> None:
    await _review(technician)
    await technician.press("enter")
    await technician.is_at("OutcomeScreen")


async def _results(technician: Technician) -> None:
    await _bays(technician)
    await technician.press("f3")
    await technician.sees("No receipts have been collected yet.")


SCREENS = {
    "UnlockScreen": (_nowhere, "Type your PIN, or touch the numbers"),
    "BaysScreen": (_bays, "Each medium that is plugged in has a card."),
    "ReviewScreen": (_review, "Look who gets which release."),
    "OutcomeScreen": (_outcome, "The code names the package"),
    "ResultsScreen": (_results, "What devices reported about their updates"),
}


@pytest.mark.parametrize("screen", SCREENS)
async def test_help_explains_each_screen_and_goes_away_again(place: Place, screen: str) -> None:
    go, sentence = SCREENS[screen]
    async with kiosk_of(place, place.new_stick("one.img", FIRST)) as technician:
        await go(technician)
        for leave in ("escape", "f1", "enter"):
            await technician.press("f1")
            await technician.sees(sentence)
            assert not technician.cut_off()
            await technician.press(leave)
            await technician.is_at(screen)


@pytest.mark.parametrize("screen", SCREENS)
async def test_every_screen_fits_and_every_action_is_a_target_of_three_rows(
    place: Place, screen: str
) -> None:
    go, _ = SCREENS[screen]
    async with kiosk_of(place, place.new_stick("one.img", FIRST)) as technician:
        await go(technician)
        await technician.until(technician.has_room_for_fingers, "a target of three rows for every action")
        assert not technician.cut_off()
