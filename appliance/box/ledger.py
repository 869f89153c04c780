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

from sqlalchemy.orm import Session

from appliance.box import faults, ledger_head
from appliance.box.faults import DATABASE, FaultCode
from appliance.box.ledger_head import LedgerHead, end_of_trust, problem_at_end
from appliance.box.ledger_search import LedgerQuery, entries, matching, newest_row
from appliance.box.schema import LedgerRow
from appliance.box.schema_check import meddling
from appliance.box.settings import SETTINGS
from appliance.box.store import Store
from appliance.tpm import Tpm
from appliance.trust.clock import TrustedTime
from appliance.trust.ledger_chain import BEGINNING, BREAK, Chain, Check, Finding, LedgerEntry, digest_of
from media_format.errors import MachineFault

RESTORE: Final = "restore"
"""The act after which a ledger goes on that was put back from a backup."""
_LAST: Final = 2**63 - 1
"""The largest number that SQLite holds (sqlite.org/datatype3.html)."""

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


class Acts:
    """Acts of one transaction, each with its entry."""

    def __init__(
        self, transaction: Session, when: TrustedTime, head: LedgerHead | None, *, evidence: bool = True
    ) -> None:
        self.transaction = transaction
        self._when = when
        self._head = head
        self._evidence = evidence
        self._last: LedgerRow | None = None

    @property
    def end(self) -> LedgerHead | None:
        """The last entry that was appended, whatever the database made of it."""
        return LedgerHead(self._last.sequence, self._last.digest) if self._last else None

    def enter(self, act: str, detail: str, who: str = "", sign: Sign | None = None) -> None:
        """Append an entry. One that names a person is signed."""
        if self._last is None:
            self._last = newest_row(self.transaction)
            if self._evidence:
                self._keep_evidence()
        self._append(act, detail, who, sign)

    def _keep_evidence(self) -> None:
        """Say that the end is not the one that the TPM remembers: whoever cut it off does not get away."""
        if self._head is None and self._last is None:
            return
        problem = problem_at_end(self.transaction, self._head)
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
        # The name of a file or disk need not be UTF-8, and an act is entered whatever it was done to.
        detail = detail.encode(errors="backslashreplace").decode()
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
        """A transaction that does several acts and enters each; all of them, or none.

        Refusal(tpm-unavailable) where what the box goes by is not what the TPM remembers, and
        MachineFault(store-damaged) where the database would not keep what is written there.
        """
        with self._store.transaction() as transaction, SETTINGS.changing(transaction, self._tpm):
            self._check_keeping(transaction)
            acts = Acts(transaction, when, LedgerHead.of(self._tpm))
            yield acts
        if acts.end is not None:
            with self._store.transaction() as transaction:
                SETTINGS.settle(transaction, self._tpm)
                ledger_head.advance(self._tpm, transaction, acts.end)

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
        self._check_keeping(transaction)
        head, last = LedgerHead.of(self._tpm), newest_row(transaction)
        end = f"up to entry {last.sequence}" if last else "without entries"
        remembered = f"entry {head.sequence} {head.digest.hex()}" if head else "none"
        acts = Acts(transaction, when, head, evidence=False)
        acts.enter(RESTORE, f"{copy}, {end}; the TPM remembered {remembered}", who, sign)

    def remember(self) -> None:
        """Let the TPM remember the newest entry of a store that was put back, and what the box goes by."""
        # Inside a transaction, so that of two programs the one that is late does not step back.
        with self._store.transaction() as transaction:
            SETTINGS.settle(transaction, self._tpm)
            row = newest_row(transaction)
            if row is not None:
                ledger_head.remember(self._tpm, row)

    def _check_keeping(self, transaction: Session) -> None:
        meddler = meddling(transaction)
        if meddler is not None:
            raise faults.fault(
                self._store.folder,
                FaultCode.DAMAGED,
                f"{DATABASE}, {meddler}: it changes what is written there, and the box did not make it",
            )

    def expect(self) -> None:
        """Let the TPM take the newest entry here for the end as well, besides the one that it remembers.

        So it does with what the box goes by. For the moment at which this store takes the place of another
        one: a cut leaves one of the two, and the TPM knows both. The next act, or `remember`, ends that.
        """
        with self._store.reading() as session:
            SETTINGS.expect(session, self._tpm)
            row = newest_row(session)
        if row is not None:
            ledger_head.expect(self._tpm, row)

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
            head = LedgerHead.of(self._tpm)
            findings = chain.walk(entries(session))
            problem = problem_at_end(session, head)
        if problem is not None:
            findings.append(Finding(end_of_trust(head, chain.last), problem))
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
