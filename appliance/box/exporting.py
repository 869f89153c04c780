"""Exporting: the box's receipts and its ledger as files for others. Nothing in them is secret."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from sqlalchemy import func, select

from appliance.box.ledger_search import entries
from appliance.box.machine import Machine
from appliance.box.schema import LedgerRow, ReceiptRow
from appliance.box.users import Session
from appliance.trust.ledger_file import EXPORT, WHOLE, LedgerFileHead, write_ledger
from appliance.trust.purpose import Purpose
from media_format import cose, limits
from media_format.receipt_file import MAX_FILE, MAX_SIGNED_RECEIPTS, ReceiptCollection, encode_receipts
from media_format.wire import MAX_UINT

_RUN: Final = 500
_OVERHEAD: Final = 5
"""Bytes that CBOR puts before a receipt."""
_ROOM: Final = MAX_FILE - limits.MAX_SIGN1_OVERHEAD - 1024


@dataclass(frozen=True, slots=True)
class ExportedReceipts:
    """A file of receipts. `left` of those wanted did not fit; they were collected up to `left_until`."""

    data: bytes = field(repr=False)
    receipts: int
    left: int
    left_until: int | None


def receipts_file(
    machine: Machine, session: Session | None, since: int | None, until: int | None
) -> ExportedReceipts:
    """The receipts as their devices signed them, collected from `since` to `until`, the newest of too many.

    With a person's session the box signs the file.
    """
    wanted = [
        *([] if since is None else [ReceiptRow.collected >= since]),
        *([] if until is None else [ReceiptRow.collected <= until]),
    ]
    with machine.store.reading() as transaction:
        newest = select(ReceiptRow.receipt, ReceiptRow.collected).where(*wanted)
        rows = transaction.execute(newest.order_by(ReceiptRow.collected.desc()))
        found, left_until = _that_fit((row[0], row[1]) for row in rows.yield_per(_RUN))
        there = transaction.scalar(select(func.count()).select_from(ReceiptRow).where(*wanted)) or 0
    data = encode_receipts(found) if session is None else _signed(machine, session, found)
    return ExportedReceipts(data, len(found), there - len(found), left_until)


def _that_fit(rows: Iterable[tuple[bytes, int]]) -> tuple[tuple[bytes, ...], int | None]:
    """As many as one file holds, and when the first that does not fit was collected."""
    found: list[bytes] = []
    size = 0
    for receipt, collected in rows:
        size += len(receipt) + _OVERHEAD
        if len(found) == MAX_SIGNED_RECEIPTS or size > _ROOM:
            return tuple(found), collected
        found.append(receipt)
    return tuple(found), None


def _signed(machine: Machine, session: Session, receipts: tuple[bytes, ...]) -> bytes:
    with machine.acting(session, EXPORT, f"{len(receipts)} receipts"):
        pass
    collection = ReceiptCollection(
        format=limits.FORMAT_VERSION,
        box=machine.configuration.id,
        created=machine.ledger_time().time,
        receipts=receipts,
    )
    signer = machine.own().signer(machine.tpm, session.authorisation)
    return cose.sign1(ReceiptCollection.CONTENT_TYPE, collection.to_bytes(), signer)


def ledger_file(machine: Machine, session: Session | None, file: BinaryIO) -> int:
    """Write the whole ledger, with what an auditor needs to check it; returns how many entries there are.

    With a person's session it ends with that person's signed entry: so an auditor knows that it is whole.
    Misuse for a box without certificates.
    """
    head = LedgerFileHead(machine.configuration.id, machine.own().bundle.chain(Purpose.BOX_IDENTITY))
    last = MAX_UINT if session is None else _enter(machine, session)
    with machine.store.reading() as transaction:
        return write_ledger(file, head, entries(transaction, last))


def _enter(machine: Machine, session: Session) -> int:
    """Enter the export; returns the entry's number."""
    with machine.acting(session, EXPORT, WHOLE):
        pass
    with machine.store.reading() as transaction:
        own = select(func.max(LedgerRow.sequence)).where(LedgerRow.act == EXPORT, LedgerRow.detail == WHOLE)
        return transaction.scalar(own) or MAX_UINT
