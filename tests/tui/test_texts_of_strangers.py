"""What a device or a medium calls itself is shown as it is: it neither acts in the kiosk nor ends it."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import DataTable

from appliance.box import BoxService
from media_format.progress import silent
from tests.tools import require
from tests.tui.technician import kiosk_of
from tests.tui.template import Place
from tests.workshop import PIN, Workshop, ask, now, update, volume_in

_LABEL = "ELEVENBYTES"
_ACTION = "[@click=app.screenshot('b','{}')]XX[/]"


def reported(folder: Path, version: str) -> BoxService:
    """A box with the receipt of a device that installed this version."""
    shop = Workshop(folder)
    box, device, stick, release = shop.box(), shop.device(), shop.medium(), shop.medium("release")
    with volume_in(release) as volume:
        shop.vendor.release(volume, replace(shop.order("1.0"), version=version), silent)
    box.service.import_release(release, box.session, silent)
    ask(device, stick)
    box.write(stick, device.configuration.id)
    update(device, stick)
    assert all(found.new for found in box.service.collect(stick))
    return BoxService.open(box.folder, now=now)


@pytest.mark.parametrize("version", ["[red]1.0", "[/b]1.0", "[b", "1.0[/]"])
async def test_a_version_that_looks_like_markup_is_shown_as_it_is(
    place: Place, tmp_path: Path, version: str
) -> None:
    async with kiosk_of(place, service=reported(tmp_path, version)) as technician:
        await technician.unlock(PIN)
        await technician.press("f3")
        await technician.sees(version)


async def test_a_touch_on_a_receipt_does_nothing_that_its_device_asks_for(
    place: Place, tmp_path: Path
) -> None:
    folder = tmp_path / "s"
    service = reported(tmp_path / "shop", _ACTION.format(folder)[:64])
    async with kiosk_of(place, service=service) as technician:
        await technician.unlock(PIN)
        await technician.press("f3")
        await technician.sees("[@click=")
        region = technician.kiosk.screen.query_one(DataTable).region
        for column in range(region.x, region.right, 2):
            await technician.touch_at(column, region.y + 1)
    assert not folder.exists()


@pytest.mark.parametrize("label", ["[/", "[/B]", "[RED]A", "A["])
async def test_a_medium_whose_label_looks_like_markup_is_shown(place: Place, label: str) -> None:
    stick = place.folder / "labelled.img"
    with stick.open("xb") as file:
        file.truncate(8 << 20)
    subprocess.run([require("mkfs.fat"), "-n", _LABEL, stick], check=True, capture_output=True)
    # mkfs.fat would not write it; who builds sticks to do harm does.
    stick.write_bytes(stick.read_bytes().replace(_LABEL.encode(), label.ljust(len(_LABEL)).encode()))
    async with kiosk_of(place, stick) as technician:
        await technician.unlock()
        await technician.sees(label)


async def test_a_medium_whose_path_looks_like_markup_is_shown(place: Place) -> None:
    folder = place.folder / "a[/"
    folder.mkdir()
    stick = place.new_stick("one.img").rename(folder / "one.img")
    async with kiosk_of(place, stick) as technician:
        await technician.unlock()
        await technician.sees("one.img")
