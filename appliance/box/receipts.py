"""Receipts: collected from media, kept, held against one another, acknowledged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import ColumnElement, insert, select, tuple_, update
from sqlalchemy.orm import Session as Transaction
from sqlalchemy.orm import defer

from appliance.box import fleet
from appliance.box.schema import DeviceRow, ReceiptRow
from appliance.trust.receipt import SignedReceipt, VerifiedReceipt
from media_format.objects import Acknowledgement, Receipt, Request
from media_format.refusal import Code, Refusal

_ORDER: Final = (ReceiptRow.collected, ReceiptRow.device_id, ReceiptRow.epoch, ReceiptRow.counter)
"""How receipts are listed, backwards."""

ReceiptPlace = tuple[int, str, int, int]
"""When a receipt was collected, its device, enrolment epoch, and number."""


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

    @property
    def place(self) -> ReceiptPlace:
        """Where it stands in lists."""
        return self.collected, self.device_id, self.epoch, self.counter


@dataclass(frozen=True, slots=True)
class ReceiptFilter:
    """Which receipts are wanted: all conditions hold. `after` is the last one of the page before."""

    device: str | None = None
    outcome: str | None = None
    since: int | None = None
    """Collected from this time on, in seconds since the epoch; `until` is included too."""
    until: int | None = None
    after: ReceiptPlace | None = None
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class CollectedReceipt:
    """One receipt file on a medium. `refusal` says why it was not taken over."""

    file: str
    new: bool
    receipt: ReceiptInfo | None
    refusal: Code | None = None
    detail: str = ""


class History:
    """A device's receipts in one enrolment epoch, as the box holds them where further ones come in.

    `verified` are those that come, all of this device and epoch.
    """

    def __init__(self, transaction: Transaction, verified: Sequence[VerifiedReceipt]) -> None:
        self._transaction = transaction
        self._device = verified[0].receipt.device_id, verified[0].receipt.epoch
        counters = [found.receipt.counter for found in verified]
        self._held = {held.counter: held for held in self._around(min(counters), max(counters))}
        self._new: dict[int, tuple[VerifiedReceipt, bytes]] = {}

    def take(self, verified: VerifiedReceipt, data: bytes, now: int) -> tuple[ReceiptInfo, bool]:
        """A receipt as it is held or will be by `save`, and whether it is new.

        Raises Refusal(equivocation) where another receipt with its counter is held: its device has signed
        two histories, as one does whose state was copied back.
        """
        receipt = verified.receipt
        held = self._held.get(receipt.counter)
        if held is None:
            self._held[receipt.counter] = _Held(receipt.counter, verified.digest, receipt.previous, now, None)
            self._new[receipt.counter] = verified, data
            return _info(verified, now, gap=False), True
        if held.digest != verified.digest:
            raise Refusal(Code.EQUIVOCATION, f"{receipt.device_id}: two different receipts {receipt.counter}")
        return _info(verified, held.collected, gap=bool(held.gap)), False

    def save(self, now: int) -> dict[int, ReceiptInfo]:
        """Keep what is new, by its counter; it may open or close gaps in the chain."""
        if not self._new:
            return {}
        first = self._new[min(self._new)][0]
        if self._transaction.get(DeviceRow, self._device) is None:
            self._transaction.add(unseen(first, now))
            self._transaction.flush()
        gaps = self._gaps()
        rows = [_columns(*self._new[counter], now, gap=gaps[counter]) for counter in sorted(self._new)]
        self._transaction.execute(insert(ReceiptRow), rows)
        for counter, gap in gaps.items():
            if counter not in self._new and bool(self._held[counter].gap) != gap:
                place = (ReceiptRow.device_id == self._device[0], ReceiptRow.epoch == self._device[1])
                one = update(ReceiptRow).where(*place, ReceiptRow.counter == counter)
                self._transaction.execute(one.values(gap=int(gap)))
        newest = max(self._held)
        if newest in self._new:
            last = self._new[newest][0]
            self._transaction.flush()
            told = [self._new[counter][0].receipt for counter in sorted(self._new)]
            fleet.reported(self._transaction, told, last.identity.kind, now)
        return {
            counter: _info(verified, now, gap=gaps[counter]) for counter, (verified, _) in self._new.items()
        }

    def _gaps(self) -> dict[int, bool]:
        """Which of the receipts do not follow the one before them; of the first one held, nothing is said."""
        order = [self._held[counter] for counter in sorted(self._held)]
        gaps = {after.counter: after.previous != before.digest for before, after in pairwise(order)}
        if order[0].counter in self._new:
            gaps[order[0].counter] = order[0].previous is not None
        return gaps

    def _around(self, first: int, last: int) -> Iterator[_Held]:
        """What is held between two counters, and the one before and the one after."""
        columns = (ReceiptRow.counter, ReceiptRow.digest, ReceiptRow.previous, ReceiptRow.collected)
        own = select(*columns, ReceiptRow.gap).where(
            ReceiptRow.device_id == self._device[0], ReceiptRow.epoch == self._device[1]
        )
        before = own.where(ReceiptRow.counter < first).order_by(ReceiptRow.counter.desc()).limit(1)
        after = own.where(ReceiptRow.counter > last).order_by(ReceiptRow.counter).limit(1)
        between = own.where(ReceiptRow.counter.between(first, last))
        for wanted in (before, between, after):
            yield from (_Held(*row) for row in self._transaction.execute(wanted))


@dataclass(frozen=True, slots=True)
class _Held:
    """What the box knows of a receipt; `gap` is None for one that is not kept yet."""

    counter: int
    digest: bytes
    previous: bytes | None
    collected: int
    gap: int | None


def by_device(verified: Iterable[VerifiedReceipt]) -> dict[tuple[str, int], list[VerifiedReceipt]]:
    """Receipts, sorted by whose they are and in which epoch."""
    groups: dict[tuple[str, int], list[VerifiedReceipt]] = {}
    for found in verified:
        groups.setdefault((found.receipt.device_id, found.receipt.epoch), []).append(found)
    return groups


def columns_of(receipt: Receipt, digest: bytes) -> dict[str, Any]:
    """What the store's columns say of a receipt, so that nobody need decode it to list it."""
    return {
        "device_id": receipt.device_id,
        "epoch": receipt.epoch,
        "counter": receipt.counter,
        "digest": digest,
        "previous": receipt.previous,
        "outcome": receipt.outcome.name.lower(),
        "code": str(receipt.code) if receipt.code else None,
        "detail": receipt.detail,
        "version_before": receipt.version_before,
        "version_after": receipt.version_after,
        "finished": receipt.time.finished,
    }


def _columns(verified: VerifiedReceipt, data: bytes, now: int, *, gap: bool) -> dict[str, Any]:
    told = columns_of(verified.receipt, verified.digest)
    return {**told, "receipt": data, "collected": now, "gap": int(gap)}


def unseen(verified: VerifiedReceipt | SignedReceipt, now: int) -> DeviceRow:
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


def acknowledgement(transaction: Transaction, request: Request) -> Acknowledgement | None:
    """The newest receipt up to which nothing is missing that the device still has.

    It says itself from which one on it keeps them: another box holds those before.
    """
    own = select(ReceiptRow).where(
        ReceiptRow.device_id == request.device_id, ReceiptRow.epoch == request.epoch
    )
    open_gaps = own.where(ReceiptRow.gap == 1, ReceiptRow.counter > (request.oldest_receipt or 0))
    gap = transaction.scalars(open_gaps.order_by(ReceiptRow.counter).limit(1)).first()
    whole = own if gap is None else own.where(ReceiptRow.counter < gap.counter)
    row = transaction.scalars(whole.order_by(ReceiptRow.counter.desc()).limit(1)).first()
    return None if row is None else Acknowledgement(counter=row.counter, digest=row.digest)


def listed(transaction: Transaction, wanted: ReceiptFilter) -> tuple[ReceiptInfo, ...]:
    """The receipts that are wanted, those collected last first."""
    rows = transaction.scalars(
        select(ReceiptRow)
        .options(defer(ReceiptRow.receipt))
        .where(*_conditions(wanted))
        .order_by(*(column.desc() for column in _ORDER))
        .limit(wanted.limit)
    )
    return tuple(map(info, rows))


def _conditions(wanted: ReceiptFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.device is not None:
        yield ReceiptRow.device_id == wanted.device
    if wanted.outcome is not None:
        yield ReceiptRow.outcome == wanted.outcome
    if wanted.since is not None:
        yield ReceiptRow.collected >= wanted.since
    if wanted.until is not None:
        yield ReceiptRow.collected <= wanted.until
    if wanted.after is not None:
        yield tuple_(*_ORDER) < wanted.after


def info(row: ReceiptRow) -> ReceiptInfo:
    """A row as lists show it."""
    return ReceiptInfo(
        device_id=row.device_id,
        epoch=row.epoch,
        counter=row.counter,
        outcome=row.outcome,
        code=row.code,
        detail=row.detail,
        advice=Refusal(Code(row.code), "").advice if row.code in set(Code) else None,
        version_before=row.version_before,
        version_after=row.version_after,
        finished=row.finished,
        collected=row.collected,
        gap=bool(row.gap),
    )


def _info(verified: VerifiedReceipt, collected: int, *, gap: bool) -> ReceiptInfo:
    """A receipt as lists will show it once it is kept."""
    told = columns_of(verified.receipt, verified.digest)
    return info(ReceiptRow(**told, collected=collected, gap=int(gap)))
