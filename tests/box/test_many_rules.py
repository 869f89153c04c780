"""Many rules and many devices that ask: a box does not read or try every rule for each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from appliance.box.rules import Rules
from media_format.objects import DeviceKind, Entitlement
from tests.workshop import HARDWARE, LINE, PRODUCT, Workshop, ask

PUMP = DeviceKind(product=PRODUCT, line=LINE, hardware=HARDWARE)


def denial(device_id: str) -> Entitlement:
    return Entitlement(allowed=False, first=device_id, last=device_id)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement that a database is given."""
    found: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        found.append(statement)

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", listen)


def readings_of_rules(act: Callable[[], object]) -> int:
    with statements() as found:
        act()
    return sum("FROM rules" in statement for statement in found)


def test_the_rules_are_read_as_often_for_many_requests_as_for_one(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box = shop.box()
    box.service.put_rule(denial("pump-2"), box.session)
    for name in ("pump-1", "pump-2", "pump-3", "pump-4"):
        device = shop.device(name)
        ask(device, shop.medium("many"))
        if name == "pump-1":
            ask(device, shop.medium("one"))
    for act in (box.service.survey, box.service.admit):
        one = readings_of_rules(partial(act, shop.medium("one")))
        many = readings_of_rules(partial(act, shop.medium("many")))
        assert one == many > 0


def test_twenty_thousand_rules_about_single_devices_are_not_tried_one_by_one() -> None:
    rules = Rules(tuple(denial(f"pump-{number:06}") for number in range(20_000)), None, True)
    began = time.process_time()
    allowed = [rules.judge(f"pump-{number:06}", PUMP).allowed for number in range(19_000, 21_000)]
    assert allowed == [False] * 1000 + [True] * 1000
    assert time.process_time() - began < 10
