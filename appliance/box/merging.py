"""Taking over what another box knew, from its store: devices, receipts, and who may be updated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session as Transaction

from appliance.box import entitlements
from appliance.box.schema import Base, DeviceRow, FleetRow, ReceiptRow, RuleRow
from appliance.box.store import Store
from appliance.box.told import Told
from appliance.trust.bundle import Bundle

_TABLES: Final[tuple[type[Base], ...]] = (DeviceRow, FleetRow, ReceiptRow, RuleRow)
_RUN: Final = 500
_GAPS: Final = text(
    "UPDATE receipts AS r SET gap = r.previous IS NOT (SELECT b.digest FROM receipts AS b"
    " WHERE b.device_id = r.device_id AND b.epoch = r.epoch AND b.counter < r.counter"
    " ORDER BY b.counter DESC LIMIT 1)"
)


def merge(transaction: Transaction, other: Store, own: Store, bundle: Bundle) -> None:
    """Take over rows of `other` that this store has nothing in the place of; a later time floor as well.

    Newer revocation lists too: `bundle` holds the anchor and the issuing CAs.

    The vendor's list of devices is taken over where there is none: without it more would be allowed.
    """
    with other.reading() as theirs:
        for table in _TABLES:
            for rows in _rows(theirs, table):
                transaction.execute(insert(table).prefix_with("OR IGNORE"), rows)
        transaction.execute(_GAPS)
        listed = entitlements.held(theirs)
        if listed is not None and entitlements.held(transaction) is None:
            entitlements.keep(transaction, listed)
    told = Told.to(other, bundle)
    told.keep_lists(transaction, own, bundle)
    own.raise_time_floor(transaction, told.floor)


def _rows(theirs: Transaction, table: type[Base]) -> Iterator[list[dict[str, Any]]]:
    columns = table.__table__.columns
    result = theirs.execute(select(*columns).execution_options(yield_per=_RUN))
    for run in result.partitions():
        yield [dict(zip(columns.keys(), row, strict=True)) for row in run]
