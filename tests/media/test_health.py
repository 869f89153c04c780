"""What a person is told about a medium."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.media.bus import Bus
from appliance.media.health import medium_facts
from media_format.errors import Misuse
from tests.media.fake_system import SD_CARD, SECTORS, USB_DISK, VIRTUAL, fake_system

SD_STATUS = "000000000300000004039000081a301e" + "00" * 48
"""As a class 10, U3, V30 card answers: SPEED_CLASS is byte 8, UHS grade byte 14, video class byte 15."""


def test_a_usb_stick_is_described_with_the_speed_of_its_link(tmp_path: Path) -> None:
    system = fake_system(tmp_path)
    system.usb_port(speed="480", serial="4C530001")
    stick = system.disk("sdb", "8:16", USB_DISK, ro="0", device__vendor="SanDisk", device__model="Ultra")
    facts = medium_facts(stick, system)
    assert (facts.bus, facts.vendor, facts.model, facts.serial) == (Bus.USB, "SanDisk", "Ultra", "4C530001")
    assert (facts.size, facts.write_protected, facts.speed) == (SECTORS * 512, False, "480 Mbit/s")


def test_an_sd_card_is_described_with_its_speed_classes(tmp_path: Path) -> None:
    system = fake_system(tmp_path)
    card = system.disk(
        "mmcblk1", "179:0", SD_CARD, ro="1", device__type="SD", device__name="SC64G", device__ssr=SD_STATUS
    )
    facts = medium_facts(card, system)
    assert (facts.bus, facts.model, facts.speed) == (Bus.SD, "SC64G", "C10 U3 V30")
    assert facts.write_protected


@pytest.mark.parametrize("status", ["", "no hexadecimal", "00" * 63])
def test_a_card_with_a_senseless_status_has_no_known_speed(tmp_path: Path, status: str) -> None:
    system = fake_system(tmp_path)
    card = system.disk("mmcblk1", "179:0", SD_CARD, device__type="SD", device__ssr=status)
    assert medium_facts(card, system).speed == ""


def test_what_a_medium_calls_itself_cannot_move_the_cursor_or_fill_the_screen(tmp_path: Path) -> None:
    system = fake_system(tmp_path)
    disk = system.disk("loop0", "7:0", VIRTUAL, device__model="\x1b[2J" + "x" * 9999)
    assert medium_facts(disk, system).model == "[2J" + "x" * 61


def test_a_file_has_no_such_facts(tmp_path: Path) -> None:
    with pytest.raises(Misuse):
        medium_facts(tmp_path)
