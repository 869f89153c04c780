"""The fleet: the devices that a box has seen, as lists show them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session as Transaction

from appliance.box.rules import Rules
from appliance.box.schema import DeviceRow
from media_format.objects import DeviceKind


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device as lists show it."""

    id: str
    epoch: int
    product: str
    line: str
    hardware: str
    counter: int
    allowed: bool
    last_seen: int


def devices(transaction: Transaction, rules: Rules) -> tuple[DeviceInfo, ...]:
    """The devices the box has seen, each in each of its epochs."""
    rows = transaction.scalars(select(DeviceRow).order_by(DeviceRow.id, DeviceRow.epoch))
    return tuple(_info(rules, row) for row in rows)


def _info(rules: Rules, row: DeviceRow) -> DeviceInfo:
    kind = DeviceKind(product=row.product, line=row.line, hardware=row.hardware)
    allowed = rules.judge(row.id, kind).allowed
    return DeviceInfo(
        row.id, row.epoch, row.product, row.line, row.hardware, row.counter, allowed, row.last_seen
    )
