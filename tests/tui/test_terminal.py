"""The real program on a real terminal of 80 columns and 24 lines: from a request to an updated device."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from tests.system.terminal import terminal
from tests.tui.template import FIRST, NEW, PIN, Place, check_file_system

PROGRAM = Path(sys.executable).with_name("updatebox")


def kiosk(place: Place, stick: Path, *options: str) -> str:
    """The command line of a kiosk with one stick in it."""
    words = (PROGRAM, "tui", place.box, "--no-udev", "--medium", stick, *options)
    return shlex.join(str(word) for word in words)


def test_enter_and_the_pin_bring_an_update_to_the_device(place: Place) -> None:
    stick = place.new_stick("one.img", FIRST)
    with terminal(place.folder, kiosk(place, stick)) as screen:
        screen.expect("Type your PIN")
        screen.type(PIN, "Enter")
        bays = screen.expect("Press Enter.")
        assert "BOX HEALTHY" in bays
        assert f"Device {FIRST} asks for an update: no release → {NEW}." in bays
        screen.type("Enter")
        screen.expect("Enter Write now")
        screen.type("Enter")
        screen.expect("SAFE TO REMOVE")
        screen.type("Enter")
        screen.expect("take it to the device")
    check_file_system(stick)
    assert place.installed(stick) == NEW


def test_arrows_reach_every_device_of_a_stick(place: Place) -> None:
    with terminal(place.folder, kiosk(place, place.stick)) as screen:
        screen.expect("Type your PIN")
        screen.type(PIN, "Enter")
        screen.expect("2 devices ask for updates")
        screen.type("Enter")
        screen.expect(f"[x] {FIRST}")
        screen.type("Up", "Up", "Space")
        screen.expect(f"[ ] {FIRST}")
        screen.type("Down", "Down", "Enter")
        screen.expect("SAFE TO REMOVE")
        screen.type("Enter")
        screen.expect(f"Device {FIRST} asks for an update")


def test_a_kiosk_that_may_not_be_left_stays_after_every_key_that_ends_programs(place: Place) -> None:
    with terminal(place.folder, kiosk(place, place.stick, "--kiosk")) as screen:
        screen.expect("Type your PIN")
        screen.type("C-q", "C-c", "C-z", "C-d", "C-\\")
        screen.type(PIN, "Enter")
        screen.expect("2 devices ask for updates")
