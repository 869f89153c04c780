"""Checking the devices in the store: each against the request that it signed, and its line in the fleet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session as Transaction

from appliance.box.schema import DeviceRow, FleetRow, ReceiptRow
from appliance.trust.request import read_request
from media_format.objects import TrustAnchor
from media_format.refusal import Refusal

_RUN: Final = 500
"""Rows that are read at once."""


def check_devices(transaction: Transaction, anchor: TrustAnchor) -> Iterator[tuple[str, str]]:
    """Everything that is not as its device signed it: which device, and what is wrong.

    One that never asked here is known by its receipts alone, and those are checked by themselves.
    """
    both = and_(FleetRow.id == DeviceRow.id, FleetRow.epoch == DeviceRow.epoch)
    newest = (
        select(func.max(ReceiptRow.counter))
        .where(ReceiptRow.device_id == DeviceRow.id, ReceiptRow.epoch == DeviceRow.epoch)
        .scalar_subquery()
    )
    rows = (
        select(DeviceRow, FleetRow, newest).outerjoin(FleetRow, both).order_by(DeviceRow.id, DeviceRow.epoch)
    )
    for device, line, reported in transaction.execute(rows.execution_options(yield_per=_RUN)):
        problem = _device_problem(device, anchor) or _line_problem(device, line, reported)
        if problem:
            yield f"device {device.id}, epoch {device.epoch}", problem


def _device_problem(row: DeviceRow, anchor: TrustAnchor) -> str | None:
    if not row.request and not row.counter:
        return None
    try:
        signed = read_request(row.request, anchor)
    except Refusal as refusal:
        return f"its request is not right ({refusal})"
    told = signed.request
    if signed.digest != row.request_digest or (
        *(told.device_id, told.epoch, told.product, told.line, told.hardware, told.counter),
    ) != (row.id, row.epoch, row.product, row.line, row.hardware, row.counter):
        return "the database says something else of it than its request"
    return None


def _line_problem(device: DeviceRow, line: FleetRow | None, reported: int | None) -> str | None:
    """What is wrong with what lists say of a device."""
    if line is None:
        return "its line in the fleet is missing"
    kind = (device.product, device.line, device.hardware)
    if device.counter and (line.product, line.line, line.hardware) != kind:
        return "its line in the fleet says something else of it than its request"
    if line.reported != reported:
        return "its line in the fleet is not of its newest receipt"
    return None
