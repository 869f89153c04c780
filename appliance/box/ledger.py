"""The ledger: every act at the box, in a chain of digests; an edit, a gap or a new order shows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.box.schema import LedgerRow
from media_format import cbor

_BEGINNING: Final = bytes(32)

Sign = Callable[[bytes], bytes]
"""Signs a digest with the box's identity key."""
Check = Callable[[bytes, bytes], bool]
"""Whether a signature over a digest is the box's."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One act: when by which clock, who, what."""

    sequence: int
    time: int
    source: str
    who: str
    act: str
    detail: str
    digest: bytes
    signed: bool


@dataclass(frozen=True, slots=True)
class LedgerState:
    """Whether the ledger is whole. `place` is the first entry that is not right, None if all are."""

    entries: int
    place: int | None
    problem: str | None


def append(
    session: Session, time: int, source: str, who: str, act: str, detail: str, sign: Sign | None = None
) -> None:
    """Add an act within the transaction that does it. An act that names a person is signed."""
    last = session.scalars(select(LedgerRow).order_by(LedgerRow.sequence.desc()).limit(1)).first()
    row = LedgerRow(
        sequence=last.sequence + 1 if last else 1,
        time=time,
        source=source,
        who=who,
        act=act,
        detail=detail,
        previous=last.digest if last else _BEGINNING,
    )
    row.digest = _digest(row)
    row.signature = sign(row.digest) if sign else None
    session.add(row)
    session.flush()


def entries(session: Session, limit: int = 1000) -> tuple[LedgerEntry, ...]:
    """The newest acts, the newest first."""
    rows = session.scalars(select(LedgerRow).order_by(LedgerRow.sequence.desc()).limit(limit))
    return tuple(
        LedgerEntry(
            row.sequence, row.time, row.source, row.who, row.act, row.detail, row.digest, bool(row.signature)
        )
        for row in rows
    )


def verify(session: Session, check: Check) -> LedgerState:
    """Walk the whole chain and check every digest and signature."""
    previous, count = _BEGINNING, 0
    for row in session.scalars(select(LedgerRow).order_by(LedgerRow.sequence)):
        count += 1
        problem = _problem(row, count, previous, check)
        if problem:
            return LedgerState(count, count, problem)
        previous = row.digest
    return LedgerState(count, None, None)


def _problem(row: LedgerRow, expected: int, previous: bytes, check: Check) -> str | None:
    if row.sequence != expected:
        return f"entry {expected} is missing"
    if row.previous != previous:
        return "it does not follow the entry before it"
    if row.digest != _digest(row):
        return "it was edited"
    if row.signature is None and row.who:
        return "it names a person and has no signature"
    if row.signature is not None and not check(row.digest, row.signature):
        return "its signature is not the box's"
    return None


def _digest(row: LedgerRow) -> bytes:
    entry: list[cbor.Value] = [row.sequence, row.time, row.source, row.who, row.act, row.detail, row.previous]
    return hashlib.sha256(cbor.encode(["updatebox ledger", *entry])).digest()
