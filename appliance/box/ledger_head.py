"""The head of the ledger: the end that the TPM remembers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from appliance.box.schema import LedgerRow
from appliance.tpm import Tpm
from media_format import cbor
from media_format.refusal import Refusal

_NAME: Final = "ledger-head"
_MAX_HEAD: Final = 128


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """What the TPM remembers: the newest entry, and `expected` while another store takes this one's place."""

    sequence: int
    digest: bytes
    expected: LedgerHead | None = None

    @classmethod
    def of(cls, tpm: Tpm) -> LedgerHead | None:
        """What this TPM remembers; None for nothing, or nothing that can be read."""
        data = tpm.load(_NAME)
        try:
            head = None if data is None else cbor.decode(data, _MAX_HEAD, "head of the ledger")
        except Refusal:
            return None
        match head:
            case [int(sequence), bytes(digest)]:
                return cls(sequence, digest)
            case [int(sequence), bytes(digest), int(other), bytes(expected)]:
                return cls(sequence, digest, cls(other, expected))
        return None


def remember(tpm: Tpm, row: LedgerRow) -> None:
    """Let the TPM remember this entry as the end."""
    tpm.store(_NAME, cbor.encode([row.sequence, row.digest]))


def advance(tpm: Tpm, session: Session, end: LedgerHead) -> None:
    """Let the TPM remember what was appended as the end, in a transaction that may write.

    Not what the database says of it: where that dropped or changed the entry, the next act says so. Of two
    programs the one that is late does not step back.
    """
    head = LedgerHead.of(tpm)
    if head is not None and head.sequence > end.sequence and is_held(session, head):
        return
    tpm.store(_NAME, cbor.encode([end.sequence, end.digest]))


def expect(tpm: Tpm, row: LedgerRow) -> None:
    """Let the TPM take this entry for the end as well, besides the one that it remembers."""
    head = LedgerHead.of(tpm)
    before: list[cbor.Value] = [head.sequence, head.digest] if head else []
    tpm.store(_NAME, cbor.encode([*before, row.sequence, row.digest]))


def settle(tpm: Tpm, session: Session) -> None:
    """Let the TPM remember the one end that is here, of two of which a cut may have left either.

    To be called in a transaction that may write.
    """
    head = LedgerHead.of(tpm)
    if head is None or head.expected is None:
        return
    end = head.expected if is_held(session, head.expected) else head
    if is_held(session, end):
        tpm.store(_NAME, cbor.encode([end.sequence, end.digest]))


def problem_at_end(session: Session, head: LedgerHead | None) -> str | None:
    """What is wrong with the end, as the TPM remembers it."""
    if head is None:
        return "the TPM remembers no entry"
    if head.expected is not None and problem_at_end(session, head.expected) is None:
        return None
    row = session.get(LedgerRow, head.sequence)
    if row is None:
        return f"the end is missing, up to entry {head.sequence}"
    return None if row.digest == head.digest else "the TPM remembers another one"


def is_held(session: Session, head: LedgerHead) -> bool:
    """Whether this entry stands in the ledger."""
    row = session.get(LedgerRow, head.sequence)
    return row is not None and row.digest == head.digest


def end_of_trust(head: LedgerHead | None, last: int) -> int:
    """Where the ledger stops being what the TPM remembers."""
    return 1 if head is None else min(head.sequence, last + 1)
