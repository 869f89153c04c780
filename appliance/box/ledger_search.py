"""Looking for entries of the ledger: all of them, or those that are wanted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.sql import ColumnElement

from appliance.box.schema import LedgerRow
from appliance.trust.ledger_chain import LedgerEntry
from media_format.wire import MAX_UINT

_RUN: Final = 1000
"""Rows that are read at once."""


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


def entries(session: Session, last: int = MAX_UINT) -> Iterator[LedgerEntry]:
    """Every entry up to the one with the number `last`, the oldest first."""
    order = select(LedgerRow).where(LedgerRow.sequence <= last).order_by(LedgerRow.sequence)
    return map(_entry, session.scalars(order.execution_options(yield_per=_RUN)))


def matching(session: Session, query: LedgerQuery) -> Iterator[LedgerEntry]:
    """Every entry that is wanted, the newest first, whatever the query's limit."""
    order = select(LedgerRow).where(*_conditions(query)).order_by(LedgerRow.sequence.desc())
    return map(_entry, session.scalars(order.execution_options(yield_per=_RUN)))


def acts(session: Session) -> tuple[str, ...]:
    """The acts that there are entries of, by name."""
    return tuple(session.scalars(select(LedgerRow.act).distinct().order_by(LedgerRow.act)))


def newest_row(session: Session) -> LedgerRow | None:
    """The last entry that there is."""
    return session.scalars(select(LedgerRow).order_by(LedgerRow.sequence.desc()).limit(1)).first()


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
