"""Exporting: the box's receipts and its ledger as files for others. Nothing in them is secret."""

from __future__ import annotations

import json

from sqlalchemy import select
from sqlalchemy.orm import Session as Transaction

from appliance.box.schema import LedgerRow, ReceiptRow
from media_format.receipt_file import MAX_RECEIPTS, encode_receipts


def receipts_file(transaction: Transaction) -> tuple[bytes, int]:
    """The receipts as their devices signed them, for the vendor, and how many; the newest of too many."""
    newest = select(ReceiptRow.receipt).order_by(ReceiptRow.collected.desc()).limit(MAX_RECEIPTS)
    found = list(transaction.scalars(newest))
    return encode_receipts(found), len(found)


def ledger_file(transaction: Transaction, box_id: str, key: bytes) -> tuple[bytes, int]:
    """The whole ledger in JSON, with what an auditor needs to check it; and how many entries there are.

    `key` (SubjectPublicKeyInfo) is the box's identity key. Bytes are in hexadecimal.
    """
    rows = transaction.scalars(select(LedgerRow).order_by(LedgerRow.sequence))
    entries = [
        {
            "sequence": row.sequence,
            "time": row.time,
            "source": row.source,
            "who": row.who,
            "act": row.act,
            "detail": row.detail,
            "previous": row.previous.hex(),
            "digest": row.digest.hex(),
            "signature": row.signature.hex() if row.signature else None,
        }
        for row in rows
    ]
    ledger = {"box": box_id, "key": key.hex(), "entries": entries}
    return json.dumps(ledger, indent=1, ensure_ascii=False).encode(), len(entries)
