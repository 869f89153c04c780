"""The ledger: every act at the box, in a chain of digests; an edit, a gap or a new order shows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from appliance.box.schema import LedgerRow
from appliance.box.store import Store
from appliance.tpm import Tpm
from appliance.trust.clock import TrustedTime
from media_format import cbor

_BEGINNING: Final = bytes(32)
_HEAD: Final = "ledger-head"
_MAX_HEAD: Final = 64

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


class Ledger:
    """The ledger's one writer.

    The newest entry's number and digest are remembered in the TPM after each act: an end that was cut off
    shows, and so does a chain that was computed anew. A cut in between leaves the TPM behind, never ahead.
    """

    def __init__(self, store: Store, tpm: Tpm) -> None:
        self._store = store
        self._tpm = tpm

    @contextmanager
    def entry(
        self, when: TrustedTime, act: str, detail: str, who: str = "", sign: Sign | None = None
    ) -> Iterator[Session]:
        """A transaction that does an act, and its entry. One that names a person is signed."""
        with self._store.transaction() as transaction:
            yield transaction
            row = _append(transaction, when, act, detail, who, sign)
        self._tpm.store(_HEAD, cbor.encode([row.sequence, row.digest]))

    def newest(self, limit: int) -> tuple[LedgerEntry, ...]:
        """The newest acts, the newest first."""
        with self._store.reading() as session:
            return tuple(
                LedgerEntry(
                    sequence=row.sequence,
                    time=row.time,
                    source=row.source,
                    who=row.who,
                    act=row.act,
                    detail=row.detail,
                    digest=row.digest,
                    signed=bool(row.signature),
                )
                for row in session.scalars(select(LedgerRow).order_by(LedgerRow.sequence.desc()).limit(limit))
            )

    def verify(self, check: Check) -> LedgerState:
        """Walk the whole chain and check every digest and signature, and the TPM's memory of the end."""
        remembered = self._tpm.load(_HEAD)
        if remembered is None:
            return LedgerState(0, 1, "the TPM remembers no entry")
        head = cbor.decode(remembered, _MAX_HEAD, "head of the ledger")
        previous, count = _BEGINNING, 0
        with self._store.reading() as session:
            for row in session.scalars(select(LedgerRow).order_by(LedgerRow.sequence)):
                count += 1
                problem = _problem(row, count, previous, check, head)
                if problem:
                    return LedgerState(count, count, problem)
                previous = row.digest
        assert isinstance(head, list)
        if isinstance(head[0], int) and count < head[0]:
            return LedgerState(count, count + 1, f"the end is missing, up to entry {head[0]}")
        return LedgerState(count, None, None)


def _append(
    session: Session, when: TrustedTime, act: str, detail: str, who: str, sign: Sign | None
) -> LedgerRow:
    last = session.scalars(select(LedgerRow).order_by(LedgerRow.sequence.desc()).limit(1)).first()
    row = LedgerRow(
        sequence=last.sequence + 1 if last else 1,
        time=when.time,
        source=when.source,
        who=who,
        act=act,
        detail=detail,
        previous=last.digest if last else _BEGINNING,
    )
    row.digest = _digest(row)
    row.signature = sign(row.digest) if sign else None
    session.add(row)
    session.flush()
    return row


def _problem(row: LedgerRow, expected: int, previous: bytes, check: Check, head: cbor.Value) -> str | None:
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
    if head == [row.sequence, row.digest] or not _is_about(head, row.sequence):
        return None
    return "the TPM remembers another one"


def _is_about(head: cbor.Value, sequence: int) -> bool:
    return isinstance(head, list) and head[0] == sequence


def _digest(row: LedgerRow) -> bytes:
    entry: list[cbor.Value] = [row.sequence, row.time, row.source, row.who, row.act, row.detail, row.previous]
    return hashlib.sha256(cbor.encode(["updatebox ledger", *entry])).digest()
