"""The vendor's list of the devices that a box may serve: kept as it came."""

from __future__ import annotations

from typing import ClassVar, Final

from sqlalchemy.orm import Session as Transaction

from appliance.box.schema import SettingRow
from media_format import limits
from media_format.errors import MachineFault
from media_format.objects import Entitlement
from media_format.refusal import Refusal
from media_format.wire import Many, Nested, Record, key, record

_SETTING: Final = "entitlements"


@record
class _List(Record):
    """What the setting holds."""

    NAME: ClassVar[str] = "vendor's list"
    LIMIT: ClassVar[int] = limits.MAX_DIRECTIVE

    entries: tuple[Entitlement, ...] = key(1, Many(Nested(Entitlement), 512, 1))


def keep(transaction: Transaction, entries: tuple[Entitlement, ...]) -> None:
    """Put a list in the place of the one before."""
    transaction.merge(SettingRow(name=_SETTING, value=_List(entries=entries).to_bytes()))


def held(transaction: Transaction) -> tuple[Entitlement, ...] | None:
    """The vendor's list; None where it never gave one. MachineFault where it is damaged."""
    row = transaction.get(SettingRow, _SETTING)
    try:
        return None if row is None else _List.from_bytes(row.value).entries
    except Refusal as refusal:
        raise MachineFault(f"the vendor's list in the store is damaged: {refusal.detail}") from None
