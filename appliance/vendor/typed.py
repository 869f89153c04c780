"""What an order for a release may have typed wrong: it is held against the releases of its line before it.

A release that was signed cannot be called back, and nobody who receives it knows what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from appliance.vendor.register import Released
from appliance.vendor.release import ReleaseOrder
from media_format.errors import Misuse
from media_format.objects import ComponentKind

_NUMBERS: Final = re.compile(r"\D*(\d+(?:\.\d+)*)")


@dataclass(frozen=True, slots=True)
class Meant:
    """What of an order is meant, however unlike its line it is."""

    new_slot: bool = False
    any_version: bool = False


def image_slots(order: ReleaseOrder) -> tuple[str, ...]:
    """The slots that an order's images are for. Hooks come and go with what a release has to do once."""
    slots = {source.slot for source in order.components if source.kind is ComponentKind.IMAGE}
    return tuple(sorted(slots))


def check(order: ReleaseOrder, released: Sequence[Released], meant: Meant) -> None:
    """Misuse for what no release of the line had before, unless it is meant; it names what differs."""
    line = [one for one in released if (one.product, one.line) == (order.product, order.line)]
    if not line:
        return
    if not meant.new_slot:
        _check_slots(order, line)
    if not meant.any_version:
        _check_version(order, line)


def _check_slots(order: ReleaseOrder, line: list[Released]) -> None:
    known = sorted({slot for one in line for slot in one.slots})
    further = [slot for slot in image_slots(order) if slot not in known]
    if known and further:
        raise Misuse(
            f"no release of {order.product}, line {order.line}, had an image for {', '.join(further)}; their"
            f" slots were {', '.join(known)}. If this is a new slot, add --new-slot"
        )


def _check_version(order: ReleaseOrder, line: list[Released]) -> None:
    last, meant = line[-1], "If that is meant, add --any-version"
    place = f"{order.product}, line {order.line}"
    for one in line:
        if one.version == order.version:
            raise Misuse(f"{order.version} is release {one.index} of {place} already. {meant}")
    if _numbers(order.version) < _numbers(last.version):
        raise Misuse(f"{order.version} is older than {last.version}, the last release of {place}. {meant}")


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with; what follows them says nothing of older and newer.

    None of the trailing zeros: 1.4 and 1.4.0 are one.
    """
    found = _NUMBERS.match(version)
    numbers = [int(number) for number in found.group(1).split(".")] if found else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
