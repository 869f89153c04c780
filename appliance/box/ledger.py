"""The ledger: every act at the box, in a chain of digests; an edit, a gap or a new order shows.

Acts of a person are signed with the box's identity key, which that person's PIN opens. Acts that need no
person (admit, collect, format, a fault, a directive) are covered by the next signature. The TPM remembers
the newest entry: an end that was cut off shows, and so does a chain that was computed anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from appliance.box.schema import LedgerRow
from appliance.box.store import Store
from appliance.tpm import Tpm
from appliance.trust.clock import TrustedTime
from appliance.trust.ledger_chain import BEGINNING, BREAK, Chain, Check, Finding, LedgerEntry, digest_of
from media_format import cbor
from media_format.errors import MachineFault
from media_format.refusal import Refusal
from media_format.wire import MAX_UINT

RESTORE: Final = "restore"
"""The act after which a ledger goes on that was put back from a backup."""
_HEAD: Final = "ledger-head"
_MAX_HEAD: Final = 128
_LAST: Final = 2**63 - 1
"""The largest number that SQLite holds (sqlite.org/datatype3.html)."""
_RUN: Final = 1000
"""Rows that are read at once."""

Sign = Callable[[bytes], bytes]
"""Signs a digest with the box's identity key."""


@dataclass(frozen=True, slots=True)
class LedgerState:
    """Whether the ledger is whole. `place` is the first entry that is not right, None if all are."""

    entries: int
    place: int | None
    problem: str | None
    signed: int = 0
    """The last entry with the box's signature; what follows is covered by the TPM's memory alone."""
    unconfirmed: int = 0
    """Entries after the last one that the TPM remembers: of a program that was cut off, or of a stranger."""
    findings: tuple[Finding, ...] = ()
    """Everything that is wrong, as far as there is room."""


@dataclass(frozen=True, slots=True)
class LedgerQuery:
    """Which entries are wanted: all conditions hold. `before` is the entry from which a page goes back."""

    act: str | None = None
    who: str | None = None
    about: str | None = None
    """Text that the detail holds: a device, a version, a medium."""
    since: int | None = None
    until: int | None = None
    """Seconds since the epoch, included."""
    before: int | None = None
    limit: int = 1000


class Acts:
    """Acts of one transaction, each with its entry."""

    def __init__(
        self, transaction: Session, when: TrustedTime, head: _Head | None, *, evidence: bool = True
    ) -> None:
        self.transaction = transaction
        self._when = when
        self._head = head
        self._evidence = evidence
        self._last: LedgerRow | None = None

    @property
    def entered(self) -> bool:
        """Whether there is an entry."""
        return self._last is not None

    def enter(self, act: str, detail: str, who: str = "", sign: Sign | None = None) -> None:
        """Append an entry. One that names a person is signed."""
        if self._last is None:
            self._last = _newest(self.transaction)
            if self._evidence:
                self._keep_evidence()
        self._append(act, detail, who, sign)

    def _keep_evidence(self) -> None:
        """Say that the end is not the one that the TPM remembers: whoever cut it off does not get away."""
        if self._head is None and self._last is None:
            return
        problem = _broken(self.transaction, self._head)
        if problem is not None:
            head = f": {self._head.sequence} {self._head.digest.hex()}" if self._head else ""
            self._append(BREAK, problem + head, "", None)

    def _append(self, act: str, detail: str, who: str, sign: Sign | None) -> None:
        last = self._last
        sequence = last.sequence + 1 if last else 1
        if sequence > _LAST:
            raise MachineFault(
                "the ledger has no number for another entry, so somebody wrote to it; see what is wrong"
                " with it (updatebox box status --check), and put back a backup (updatebox box restore)"
            )
        previous = last.digest if last else BEGINNING
        told = (sequence, self._when.time, self._when.source, who, act, detail)
        digest = digest_of(*told, previous)
        row = LedgerRow(
            sequence=sequence,
            time=self._when.time,
            source=self._when.source,
            who=who,
            act=act,
            detail=detail,
            previous=previous,
            digest=digest,
            signature=sign(digest) if sign else None,
        )
        self.transaction.add(row)
        self._last = row


class Ledger:
    """The ledger's one writer.

    The TPM hears of the newest entry after each transaction. A cut in between leaves it behind, never ahead;
    where it is ahead, or remembers another entry, the next act begins with an entry that says so.
    """

    def __init__(self, store: Store, tpm: Tpm) -> None:
        self._store = store
        self._tpm = tpm

    @contextmanager
    def acts(self, when: TrustedTime) -> Iterator[Acts]:
        """A transaction that does several acts and enters each; all of them, or none."""
        with self._store.transaction() as transaction:
            acts = Acts(transaction, when, self._head())
            yield acts
        if acts.entered:
            self.remember()

    @contextmanager
    def entry(
        self, when: TrustedTime, act: str, detail: str, who: str = "", sign: Sign | None = None
    ) -> Iterator[Session]:
        """A transaction that does one act, and its entry. One that names a person is signed."""
        with self.acts(when) as acts:
            yield acts.transaction
            acts.enter(act, detail, who, sign)

    def restored(self, transaction: Session, when: TrustedTime, copy: str, who: str, sign: Sign) -> None:
        """Go on in a ledger that was put back: the entry says what the TPM remembered.

        To be followed by `remember` once this store is the box's.
        """
        head, last = self._head(), _newest(transaction)
        end = f"up to entry {last.sequence}" if last else "without entries"
        remembered = f"entry {head.sequence} {head.digest.hex()}" if head else "none"
        acts = Acts(transaction, when, head, evidence=False)
        acts.enter(RESTORE, f"{copy}, {end}; the TPM remembered {remembered}", who, sign)

    def remembered(self) -> int | None:
        """The number of the entry that the TPM remembers."""
        head = self._head()
        return head.sequence if head else None

    def remember(self) -> None:
        """Let the TPM remember the newest entry."""
        # Inside a transaction, so that of two programs the one that is late does not step back.
        with self._store.transaction() as transaction:
            row = _newest(transaction)
            if row is not None:
                self._tpm.store(_HEAD, cbor.encode([row.sequence, row.digest]))

    def expect(self) -> None:
        """Let the TPM take the newest entry here for the end as well, besides the one that it remembers.

        For the moment at which this store takes the place of another one: a cut leaves one of the two, and
        the TPM knows both. The next act at the box, or `remember`, ends that.
        """
        head = self._head()
        with self._store.reading() as session:
            row = _newest(session)
        if row is not None:
            before: list[cbor.Value] = [head.sequence, head.digest] if head else []
            self._tpm.store(_HEAD, cbor.encode([*before, row.sequence, row.digest]))

    def newest(self, limit: int) -> tuple[LedgerEntry, ...]:
        """The newest acts, the newest first."""
        return self.search(LedgerQuery(limit=limit))

    def search(self, query: LedgerQuery) -> tuple[LedgerEntry, ...]:
        """The entries that are wanted, the newest first."""
        with self._store.reading() as session:
            return tuple(islice(matching(session, query), query.limit))

    def verify(self, check: Check) -> LedgerState:
        """Walk the whole chain, check every digest and signature, and the TPM's memory of the end."""
        chain = Chain(check)
        with self._store.reading() as session:
            # The end first: an act that comes in meanwhile moves the TPM's memory past what is read here.
            head = self._head()
            findings = chain.walk(entries(session))
            problem = _broken(session, head)
        if problem is not None:
            findings.append(Finding(_place(head, chain.last), problem))
        findings.sort(key=lambda finding: finding.place)
        first = findings[0] if findings else None
        return LedgerState(
            entries=chain.last,
            place=first.place if first else None,
            problem=first.problem if first else None,
            signed=chain.signed,
            unconfirmed=max(0, chain.last - head.sequence) if head else chain.last,
            findings=tuple(findings),
        )

    def _head(self) -> _Head | None:
        remembered = self._tpm.load(_HEAD)
        return None if remembered is None else _Head.read(remembered)


@dataclass(frozen=True, slots=True)
class _Head:
    """What the TPM remembers: the newest entry, and `expected` while another store takes this one's place."""

    sequence: int
    digest: bytes
    expected: _Head | None = None

    @classmethod
    def read(cls, data: bytes) -> _Head | None:
        try:
            head = cbor.decode(data, _MAX_HEAD, "head of the ledger")
        except Refusal:
            return None
        match head:
            case [int(sequence), bytes(digest)]:
                return cls(sequence, digest)
            case [int(sequence), bytes(digest), int(other), bytes(expected)]:
                return cls(sequence, digest, cls(other, expected))
        return None


def entries(session: Session, last: int = MAX_UINT) -> Iterator[LedgerEntry]:
    """Every entry up to the one with the number `last`, the oldest first."""
    order = select(LedgerRow).where(LedgerRow.sequence <= last).order_by(LedgerRow.sequence)
    return map(_entry, session.scalars(order.execution_options(yield_per=_RUN)))


def matching(session: Session, query: LedgerQuery) -> Iterator[LedgerEntry]:
    """Every entry that is wanted, the newest first, whatever the query's limit."""
    order = select(LedgerRow).where(*_conditions(query)).order_by(LedgerRow.sequence.desc())
    return map(_entry, session.scalars(order.execution_options(yield_per=_RUN)))


def _newest(session: Session) -> LedgerRow | None:
    return session.scalars(select(LedgerRow).order_by(LedgerRow.sequence.desc()).limit(1)).first()


def _broken(session: Session, head: _Head | None) -> str | None:
    """What is wrong with the end, as the TPM remembers it."""
    if head is None:
        return "the TPM remembers no entry"
    if head.expected is not None and _broken(session, head.expected) is None:
        return None
    row = session.get(LedgerRow, head.sequence)
    if row is None:
        return f"the end is missing, up to entry {head.sequence}"
    return None if row.digest == head.digest else "the TPM remembers another one"


def _place(head: _Head | None, last: int) -> int:
    """Where the ledger stops being what the TPM remembers."""
    return 1 if head is None else min(head.sequence, last + 1)


def _conditions(query: LedgerQuery) -> Iterator[ColumnElement[bool]]:
    if query.act is not None:
        yield LedgerRow.act == query.act
    if query.who is not None:
        yield LedgerRow.who == query.who
    if query.about is not None:
        yield LedgerRow.detail.contains(query.about, autoescape=True)
    if query.since is not None:
        yield LedgerRow.time >= query.since
    if query.until is not None:
        yield LedgerRow.time <= query.until
    if query.before is not None:
        yield LedgerRow.sequence < query.before


def _entry(row: LedgerRow) -> LedgerEntry:
    return LedgerEntry(
        sequence=row.sequence,
        time=row.time,
        source=row.source,
        who=row.who,
        act=row.act,
        detail=row.detail,
        previous=row.previous,
        digest=row.digest,
        signature=row.signature,
    )
