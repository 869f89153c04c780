"""Exporting: the box's receipts and its ledger as files for others. Nothing in them is secret."""

from __future__ import annotations

import json

from sqlalchemy import func, select
from sqlalchemy.orm import Session as Transaction

from appliance.box.auditing import EXPORT, FORMAT
from appliance.box.ledger import entries
from appliance.box.ledger_chain import LedgerEntry
from appliance.box.machine import Machine
from appliance.box.schema import LedgerRow, ReceiptRow
from appliance.box.users import Session
from appliance.trust.purpose import Purpose
from media_format.receipt_file import MAX_RECEIPTS, encode_receipts
from media_format.wire import MAX_UINT


def receipts_file(transaction: Transaction) -> tuple[bytes, int]:
    """The receipts as their devices signed them, for the vendor, and how many; the newest of too many."""
    newest = select(ReceiptRow.receipt).order_by(ReceiptRow.collected.desc()).limit(MAX_RECEIPTS)
    found = list(transaction.scalars(newest))
    return encode_receipts(found), len(found)


def ledger_file(machine: Machine, session: Session | None) -> tuple[bytes, int]:
    """The whole ledger in JSON, with what an auditor needs to check it; and how many entries there are.

    With a person's session it ends with that person's signed entry: so an auditor knows that it is whole.
    Bytes are in hexadecimal. Misuse for a box without certificates.
    """
    chain = machine.own().bundle.chain(Purpose.BOX_IDENTITY)
    last = MAX_UINT if session is None else _enter(machine, session)
    with machine.store.reading() as transaction:
        return ledger_of(transaction, machine.configuration.id, chain, last)


def ledger_of(
    transaction: Transaction, box_id: str, chain: tuple[bytes, ...], last: int = MAX_UINT
) -> tuple[bytes, int]:
    """The ledger in a store up to the entry `last`, in JSON, under the box's certificates."""
    found = [_shown(entry) for entry in entries(transaction, last)]
    ledger = {
        "format": FORMAT,
        "box": box_id,
        "certificates": [der.hex() for der in chain],
        "entries": found,
    }
    return json.dumps(ledger, indent=1, ensure_ascii=False).encode(), len(found)


def _enter(machine: Machine, session: Session) -> int:
    """Enter the export; returns the entry's number."""
    with machine.acting(session, EXPORT, "the ledger"):
        pass
    with machine.store.reading() as transaction:
        own = select(func.max(LedgerRow.sequence)).where(LedgerRow.act == EXPORT)
        return transaction.scalar(own) or MAX_UINT


def _shown(entry: LedgerEntry) -> dict[str, object]:
    return {
        "sequence": entry.sequence,
        "time": entry.time,
        "source": entry.source,
        "who": entry.who,
        "act": entry.act,
        "detail": entry.detail,
        "previous": entry.previous.hex(),
        "digest": entry.digest.hex(),
        "signature": entry.signature.hex() if entry.signature else None,
    }
