"""Whose store it is: a database that was copied from another box is found out when it is opened."""

from __future__ import annotations

import hashlib
from typing import Final

from sqlalchemy.orm import Session as Transaction

from appliance.box.faults import DATABASE, FaultCode, fault
from appliance.box.schema import SettingRow
from appliance.box.store import Store
from media_format import cbor
from media_format.refusal import Refusal

OWNER: Final = "box"
"""The name of the setting."""
_LIMIT: Final = 1024


def claim(transaction: Transaction, box_id: str, key: bytes) -> None:
    """Say that the store is this box's; `key` is its identity key (SubjectPublicKeyInfo)."""
    transaction.merge(SettingRow(name=OWNER, value=_value(box_id, key)))


def check(store: Store, box_id: str, key: bytes, *, claiming: bool) -> None:
    """Hold the store against the box that opens it; one that is nobody's becomes this box's if `claiming`.

    MachineFault(store-mixed) for another box's.
    """
    with store.reading() as transaction:
        row = transaction.get(SettingRow, OWNER)
    if row is None:
        if claiming:
            with store.transaction() as transaction:
                claim(transaction, box_id, key)
    elif row.value != _value(box_id, key):
        raise fault(store.folder, FaultCode.MIXED, _difference(row.value, box_id))


def _value(box_id: str, key: bytes) -> bytes:
    return cbor.encode([box_id, hashlib.sha256(key).digest()])


def _difference(value: bytes, box_id: str) -> str:
    try:
        match cbor.decode(value, _LIMIT, "whose store it is"):
            case [str() as other, bytes()] if other != box_id:
                return f"{DATABASE} is the store of the box {other}, and this is {box_id}"
    except Refusal:
        return f"{DATABASE} does not say whose store it is"
    return f"{DATABASE} is the store of a box {box_id} with other keys than those in this TPM"
