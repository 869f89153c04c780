"""A device that changes boxes: each acknowledges what it holds, and neither waits for what the other has."""

from __future__ import annotations

from pathlib import Path

from tests.workshop import Box, Workshop, ask, delivered, files, update


def kept(shop: Workshop) -> list[str]:
    """The receipts that the device has not let go of."""
    return sorted(files(shop.device_folder() / "receipts"))


def receipt(counter: int) -> str:
    return f"{counter:020}.rcp"


def counters(box: Box) -> list[tuple[int, bool]]:
    return sorted((found.counter, found.gap) for found in box.service.receipts())


def test_a_second_box_acknowledges_without_the_receipts_that_the_first_one_has(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    first, second, device = shop.box("first"), shop.box("second"), shop.device()
    stick, other = shop.medium(), shop.medium("other")
    delivered(shop, first, device, "1.0", stick)
    update(device, stick)
    first.service.collect(stick)
    delivered(shop, first, device, "1.1", stick)
    update(device, stick)
    assert kept(shop) == [receipt(3), receipt(4)]
    ask(device, other)
    second.service.collect(other)
    assert counters(second) == [(3, True), (4, False)]
    delivered(shop, second, device, "1.2", other)
    update(device, other)
    assert kept(shop) == [receipt(5), receipt(6)]
    second.service.collect(other)
    assert counters(second) == [(3, True), (4, False), (5, False), (6, False)]


def test_a_receipt_that_was_withheld_from_the_second_box_is_not_acknowledged(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    first, second, device = shop.box("first"), shop.box("second"), shop.device()
    stick, other = shop.medium(), shop.medium("other")
    delivered(shop, first, device, "1.0", stick)
    update(device, stick)
    delivered(shop, second, device, "1.1", other)
    oldest = min((other / "UPDATEBX/RECEIPTS").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    oldest.unlink()
    second.service.collect(other)
    ask(device, other)
    second.write(other, "pump-17")
    update(device, other)
    assert kept(shop)[:2] == [receipt(1), receipt(2)]
