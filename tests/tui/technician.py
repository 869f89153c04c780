"""A technician at a kiosk of 80 columns and 24 lines: what they press, what they see, what they wait for."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from xml.etree import ElementTree

from textual.pilot import Pilot
from textual.widget import Widget

from appliance.box import BoxService
from tests.tui.template import PIN, Place
from tui.app import IDLE, Kiosk
from tui.widgets.bay_card import BayCard

PATIENCE = 60.0
SIZE = (80, 24)
_FRAMES = re.compile("[─│┌┐└┘═║╔╗╚╝█▀▄]+")


class Technician:
    """Drives one kiosk."""

    def __init__(self, kiosk: Kiosk, pilot: Pilot[None]) -> None:
        self.kiosk = kiosk
        self._pilot = pilot

    async def press(self, *keys: str) -> None:
        await self._pilot.press(*keys)

    async def touch(self, selector: str) -> None:
        assert await self._pilot.click(selector), f"{selector} is not where a finger can touch it"

    async def touch_at(self, column: int, row: int) -> None:
        """Touch a place on the screen."""
        await self._pilot.click(offset=(column, row))

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something to become true."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not come about:\n{self.seen()}")
            await asyncio.sleep(0.03)
            await self._pilot.pause()

    async def sees(self, text: str) -> None:
        """Wait until `text` stands on the screen."""
        await self.until(lambda: text in self.seen(), repr(text))

    async def is_at(self, screen: str) -> None:
        """Wait until this screen is shown."""
        await self.until(lambda: self.screen == screen, screen)

    async def unlock(self, pin: str = PIN) -> None:
        await self.sees("Type your PIN")
        await self.press(*pin, "enter")
        await self.is_at("BaysScreen")

    @property
    def screen(self) -> str:
        return type(self.kiosk.screen).__name__

    @property
    def cards(self) -> dict[str, BayCard]:
        """The cards, by the name of the medium's path."""
        return {card.bay.path.name: card for card in self.kiosk.screen.query(BayCard)}

    def seen(self) -> str:
        """All the text on the screen, from the picture of it, without frames and line ends."""
        picture = ElementTree.fromstring(self.kiosk.export_screenshot(simplify=True))
        lines: dict[float, list[tuple[float, str]]] = {}
        for text in picture.iter("{http://www.w3.org/2000/svg}text"):
            place = (float(text.get("x", "0")), "".join(text.itertext()))
            lines.setdefault(float(text.get("y", "0")), []).append(place)
        words = " ".join("".join(word for _, word in sorted(lines[y])) for y in sorted(lines))
        return " ".join(_FRAMES.sub(" ", words).replace("\xa0", " ").split())

    def has_room_for_fingers(self) -> bool:
        """Whether every action of the screen, and there is one, is three rows high or more."""
        targets = list(self.kiosk.screen.query("#actions .touch"))
        return bool(targets) and all(target.region.height >= 3 for target in targets)

    def cut_off(self) -> list[str]:
        """The widgets whose text does not fit where it is shown."""
        return [
            f"{widget!r} {widget.region} {widget.virtual_size}"
            for widget in self.kiosk.screen.walk_children(Widget)
            if not widget.children and _is_shown(widget) and not _fits(widget)
        ]


def _is_shown(widget: Widget) -> bool:
    return widget.display and all(not isinstance(node, Widget) or node.display for node in widget.ancestors)


def _fits(widget: Widget) -> bool:
    region = widget.region
    inside = region.right <= SIZE[0] and region.bottom <= SIZE[1]
    wanted = widget.get_content_height(
        widget.container_size, widget.container_size, widget.content_size.width
    )
    return inside and (widget.is_scrollable or wanted <= widget.content_size.height)


@asynccontextmanager
async def kiosk_of(
    place: Place,
    *fixed: Path,
    service: BoxService | None = None,
    folders: tuple[Path, ...] = (),
    may_quit: bool = True,
    idle: float = IDLE,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[Technician]:
    """The kiosk of the place's box, with these media in it and nobody unlocked."""
    service = service or place.service()
    watcher = service.watch_media(udev=False, directories=folders)
    kiosk = Kiosk(service, watcher, fixed=fixed, may_quit=may_quit, idle=idle, clock=clock)
    try:
        async with kiosk.run_test(size=SIZE) as pilot:
            yield Technician(kiosk, pilot)
    finally:
        watcher.close()
