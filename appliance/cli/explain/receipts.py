"""A file of receipts in words: which box brings it, of how many devices, from when to when."""

from __future__ import annotations

from collections.abc import Sequence

from appliance.cli.explain.spans import clock, day
from appliance.cli.quantities import counted
from media_format.objects import Receipt
from media_format.receipt_file import ReceiptCollection
from media_format.wire import Record


def summary(parts: Sequence[Record | None], collection: Record | None) -> str:
    """`parts` are the receipts, None for a damaged one; `collection` is there where a box signed them."""
    receipts = [part for part in parts if isinstance(part, Receipt)]
    times = sorted(one.time.finished for one in receipts if one.time.finished is not None)
    when = f", {clock(times[0])} to {clock(times[-1])}" if times else ""
    devices = counted(len({one.device_id for one in receipts}), "device")
    damaged = len(parts) - len(receipts)
    bad = f", {damaged} DAMAGED" if damaged else ""
    return f"{counted(len(parts), 'receipt')} of {devices}{when}{bad}; {_signed(collection)}"


def _signed(collection: Record | None) -> str:
    if isinstance(collection, ReceiptCollection):
        return f"in the name of {collection.box}, {day(collection.created)}"
    return "not signed: nothing says which box exported it, or whether some were left out"
