"""Checking the receipts in the store: signature, chain, columns, and what the ledger says came in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session as Transaction

from appliance.box.ledger_search import LedgerQuery, matching
from appliance.box.machine import Machine
from appliance.box.receipts import columns_of
from appliance.box.receipts_in_ledger import COLLECT, TAKE_OVER, Run
from appliance.box.schema import ReceiptRow
from appliance.trust.known_chains import KnownChains
from appliance.trust.ledger_chain import LedgerEntry
from appliance.trust.receipt import read_receipt
from media_format.refusal import Refusal

_RUN: Final = 500
"""Rows that are read at once."""
_ORDER: Final = (ReceiptRow.device_id, ReceiptRow.epoch, ReceiptRow.counter)


@dataclass(frozen=True, slots=True)
class ReceiptFinding:
    """What is wrong with a receipt in the store, or with its absence."""

    device_id: str
    epoch: int
    counter: int
    problem: str

    def __str__(self) -> str:
        return f"receipt {self.counter} of {self.device_id}, epoch {self.epoch}: {self.problem}"


def check_receipts(machine: Machine) -> Iterator[ReceiptFinding]:
    """Everything that is wrong with the receipts, one after another; memory does not grow with their number.

    Misuse for a box without certificates: it knows nobody whose receipts it could check.
    """
    chains = KnownChains(machine.own().bundle.anchor)
    with machine.store.reading() as transaction:
        yield from _rows(transaction, chains)
        yield from _missing(transaction)


def _rows(transaction: Transaction, chains: KnownChains) -> Iterator[ReceiptFinding]:
    rows = transaction.scalars(select(ReceiptRow).order_by(*_ORDER).execution_options(yield_per=_RUN))
    before: ReceiptRow | None = None
    for row in rows:
        follows = before is not None and (before.device_id, before.epoch) == (row.device_id, row.epoch)
        for problem in _problems(row, before if follows else None, chains):
            yield ReceiptFinding(row.device_id, row.epoch, row.counter, problem)
        before = row


def _problems(row: ReceiptRow, before: ReceiptRow | None, chains: KnownChains) -> Iterator[str]:
    try:
        signed = read_receipt(row.receipt, chains)
    except Refusal as refusal:
        yield f"its signed object is not right ({refusal})"
        return
    told: dict[str, Any] = columns_of(signed.receipt, signed.digest)
    changed = [name for name, value in told.items() if getattr(row, name) != value]
    if changed:
        yield f"{', '.join(changed)} is not what its device signed"
    gap = row.previous != (before.digest if before else None)
    if gap != bool(row.gap):
        yield "the one before it is missing" if gap else "it is said to have a gap before it, and has none"


def _missing(transaction: Transaction) -> Iterator[ReceiptFinding]:
    """Receipts that the ledger says came in and that are not there, or that came in at another time."""
    for entry in _arrivals(transaction):
        run = Run.read(entry.detail)
        if run is None:
            continue
        last = transaction.scalar(select(ReceiptRow.digest).where(*_of(run), ReceiptRow.counter == run.last))
        if last is not None and last != run.digest:
            problem = f"it is another one than came in with entry {entry.sequence} of the ledger"
            yield ReceiptFinding(run.device_id, run.epoch, run.last, problem)
        # Another box's word is all there is for when it collected what was taken over.
        for counter in _moved(transaction, run, entry.time) if entry.act == COLLECT else ():
            problem = f"it was collected at another time, says entry {entry.sequence} of the ledger"
            yield ReceiptFinding(run.device_id, run.epoch, counter, problem)
        for counter in _absent(transaction, run):
            problem = f"it is missing; it came in with entry {entry.sequence} of the ledger"
            yield ReceiptFinding(run.device_id, run.epoch, counter, problem)


def _arrivals(transaction: Transaction) -> Iterator[LedgerEntry]:
    """The entries of receipts that came in."""
    for act in (COLLECT, TAKE_OVER):
        yield from matching(transaction, LedgerQuery(act=act))


def _absent(transaction: Transaction, run: Run) -> Iterator[int]:
    if transaction.scalar(select(func.count()).where(*_of(run))) == run.last - run.first + 1:
        return
    held = set(transaction.scalars(select(ReceiptRow.counter).where(*_of(run))))
    yield from (counter for counter in range(run.first, run.last + 1) if counter not in held)


def _moved(transaction: Transaction, run: Run, time: int) -> Iterator[int]:
    yield from transaction.scalars(select(ReceiptRow.counter).where(*_of(run), ReceiptRow.collected != time))


def _of(run: Run) -> tuple[Any, ...]:
    counters = ReceiptRow.counter.between(run.first, run.last)
    return ReceiptRow.device_id == run.device_id, ReceiptRow.epoch == run.epoch, counters
