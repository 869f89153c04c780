"""What the box goes by: its rules, and what the vendor told it. The TPM remembers a digest over all of it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session as Transaction

from appliance.box.ownership import OWNER
from appliance.box.remembered import Remembered
from appliance.box.schema import RuleRow, SettingRow
from media_format import cbor


def _rows(transaction: Transaction) -> list[cbor.Value]:
    """Whose store it is stands beside them, and is held against the keys themselves."""
    told = select(SettingRow.name, SettingRow.value).where(SettingRow.name != OWNER).order_by(SettingRow.name)
    selectors = (RuleRow.product, RuleRow.line, RuleRow.hardware, RuleRow.first, RuleRow.last)
    rules = select(*selectors, RuleRow.allowed).order_by(*selectors)
    return [list(row) for rows in (told, rules) for row in transaction.execute(rows)]


SETTINGS: Final = Remembered("settings", "the rules, revocation lists and time floor", _rows)
