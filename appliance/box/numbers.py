"""Numbers among the settings, eight bytes each."""

from __future__ import annotations

from typing import Final

from sqlalchemy.orm import Session as Transaction

from appliance.box.schema import SettingRow
from media_format.errors import MachineFault

_SIZE: Final = 8


def held(transaction: Transaction, name: str) -> int:
    """The number that is kept under a name, 0 where there is none. MachineFault for what is no number."""
    row = transaction.get(SettingRow, name)
    if row is None:
        return 0
    if len(row.value) != _SIZE:
        raise MachineFault(
            f"{name} in box.db is no number, so the file was changed; put back a backup (updatebox box"
            " restore)"
        )
    return int.from_bytes(row.value, "big")


def keep(transaction: Transaction, name: str, number: int) -> None:
    """Put a number in the place of the one before."""
    transaction.merge(SettingRow(name=name, value=number.to_bytes(_SIZE, "big")))
