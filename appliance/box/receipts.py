"""Receipts: collected from media, kept, held against one another, acknowledged."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session as Transaction

from appliance.box.schema import DeviceRow, ReceiptRow
from appliance.trust.receipt import VerifiedReceipt
from media_format.objects import Acknowledgement
from media_format.refusal import Code, Refusal


@dataclass(frozen=True, slots=True)
class ReceiptInfo:
    """A receipt as lists show it. `code` and `advice` say what to do where something was refused."""

    device_id: str
    epoch: int
    counter: int
    outcome: str
    code: str | None
    detail: str | None
    advice: str | None
    version_before: str | None
    version_after: str | None
    finished: int | None
    collected: int
    gap: bool
    """The receipt before this one is not held, or is another one than it names."""


@dataclass(frozen=True, slots=True)
class CollectedReceipt:
    """One receipt file on a medium. `refusal` says why it was not taken over."""

    file: str
    new: bool
    receipt: ReceiptInfo | None
    refusal: Code | None = None
    detail: str = ""


def preview(
    transaction: Transaction, verified: VerifiedReceipt, data: bytes, now: int
) -> tuple[ReceiptInfo, bool]:
    """A receipt as it would be kept, and whether it is new.

    Raises Refusal(equivocation) where another receipt with its counter is held: its device has signed
    two histories, as one does whose state was copied back.
    """
    receipt = verified.receipt
    held = transaction.get(ReceiptRow, (receipt.device_id, receipt.epoch, receipt.counter))
    if held is None:
        return info(_row(verified, data, now)), True
    if held.digest != verified.digest:
        raise Refusal(Code.EQUIVOCATION, f"{receipt.device_id}: two different receipts {receipt.counter}")
    return info(held), False


def keep(transaction: Transaction, verified: VerifiedReceipt, data: bytes, now: int) -> ReceiptInfo:
    """Keep a receipt that `preview` called new; it may open or close a gap in its device's chain."""
    receipt = verified.receipt
    if transaction.get(DeviceRow, (receipt.device_id, receipt.epoch)) is None:
        transaction.add(_unseen(verified, now))
        transaction.flush()
    row = _row(verified, data, now)
    before, after = _neighbours(transaction, row)
    row.gap = int(row.previous != (before.digest if before else None))
    if after is not None:
        after.gap = int(after.previous != row.digest)
    transaction.add(row)
    return info(row)


def _row(verified: VerifiedReceipt, data: bytes, now: int) -> ReceiptRow:
    receipt = verified.receipt
    return ReceiptRow(
        device_id=receipt.device_id,
        epoch=receipt.epoch,
        counter=receipt.counter,
        digest=verified.digest,
        previous=receipt.previous,
        outcome=receipt.outcome.name.lower(),
        code=receipt.code,
        detail=receipt.detail,
        version_before=receipt.version_before,
        version_after=receipt.version_after,
        finished=receipt.time.finished,
        receipt=data,
        collected=now,
        gap=0,
    )


def _unseen(verified: VerifiedReceipt, now: int) -> DeviceRow:
    """A device that is known by its receipt alone; its first request fills the rest in."""
    receipt, kind = verified.receipt, verified.identity.kind
    return DeviceRow(
        id=receipt.device_id,
        epoch=receipt.epoch,
        product=kind.product if kind else "",
        line=kind.line if kind else "",
        hardware=kind.hardware if kind else "",
        counter=0,
        request=b"",
        request_digest=b"",
        first_seen=now,
        last_seen=now,
    )


def _neighbours(transaction: Transaction, row: ReceiptRow) -> tuple[ReceiptRow | None, ReceiptRow | None]:
    """The receipts of its device that are held next before and next after one."""
    own = select(ReceiptRow).where(ReceiptRow.device_id == row.device_id, ReceiptRow.epoch == row.epoch)
    before = own.where(ReceiptRow.counter < row.counter).order_by(ReceiptRow.counter.desc())
    after = own.where(ReceiptRow.counter > row.counter).order_by(ReceiptRow.counter)
    return transaction.scalars(before.limit(1)).first(), transaction.scalars(after.limit(1)).first()


def acknowledgement(transaction: Transaction, device_id: str, epoch: int) -> Acknowledgement | None:
    """The newest receipt up to which nothing is missing."""
    own = select(ReceiptRow).where(ReceiptRow.device_id == device_id, ReceiptRow.epoch == epoch)
    gap = transaction.scalars(own.where(ReceiptRow.gap == 1).order_by(ReceiptRow.counter).limit(1)).first()
    whole = own if gap is None else own.where(ReceiptRow.counter < gap.counter)
    row = transaction.scalars(whole.order_by(ReceiptRow.counter.desc()).limit(1)).first()
    return None if row is None else Acknowledgement(counter=row.counter, digest=row.digest)


def newest(transaction: Transaction, limit: int) -> tuple[ReceiptInfo, ...]:
    """The receipts collected last, the newest first."""
    order = (ReceiptRow.collected.desc(), ReceiptRow.device_id, ReceiptRow.counter.desc())
    return tuple(info(row) for row in transaction.scalars(select(ReceiptRow).order_by(*order).limit(limit)))


def info(row: ReceiptRow) -> ReceiptInfo:
    """A row as lists show it."""
    return ReceiptInfo(
        device_id=row.device_id,
        epoch=row.epoch,
        counter=row.counter,
        outcome=row.outcome,
        code=row.code,
        detail=row.detail,
        advice=Refusal(Code(row.code), "").advice if row.code else None,
        version_before=row.version_before,
        version_after=row.version_after,
        finished=row.finished,
        collected=row.collected,
        gap=bool(row.gap),
    )
