"""What devices left on a medium is told of by device and number, whatever their files are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from media_format.errors import Misuse
from tests.workshop import Box, Workshop, ask, delivered, update


@pytest.fixture
def stick(tmp_path: Path) -> tuple[Box, Path]:
    """A box, and a stick on which two devices have reported an update each; nothing is collected yet."""
    shop = Workshop(tmp_path)
    box, stick = shop.box(), shop.medium()
    second, first = shop.device("pump-2"), shop.device("pump-1")
    delivered(shop, box, second, "1.0", stick)
    update(second, stick)
    ask(first, stick)
    box.write(stick, "pump-1")
    update(first, stick)
    return box, stick


def test_receipts_come_by_device_and_number(stick: tuple[Box, Path]) -> None:
    box, medium = stick
    found = [one.receipt for one in box.service.collect(medium)]
    order = [(one.device_id, one.counter) for one in found if one is not None]
    assert order == [("pump-1", 1), ("pump-1", 2), ("pump-2", 1), ("pump-2", 2)]


def test_requests_come_by_device(stick: tuple[Box, Path]) -> None:
    box, medium = stick
    assert [one.device_id for one in box.service.admit(medium)] == ["pump-1", "pump-2"]


def test_whoever_mistypes_a_device_is_told_which_ones_ask_on_the_medium(stick: tuple[Box, Path]) -> None:
    box, medium = stick
    with pytest.raises(Misuse, match="those that ask on this medium: pump-1, pump-2"):
        box.write(medium, "pump-3")


def test_the_first_request_after_receipts_is_the_first_one_seen(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    one, other, device, stick = shop.box("one"), shop.box("other"), shop.device(), shop.medium()
    delivered(shop, one, device, "1.0", stick)
    update(device, stick)
    other.service.collect(stick)
    (found,) = other.service.admit(stick)
    assert found.detail.startswith("the first request seen here")
