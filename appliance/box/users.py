"""People at the box: each has a PIN that opens, in the TPM, the authorisation of the box's keys.

Who they are stands in the database, and a digest over all of them in the TPM, so that nobody who can only
write the database brings back a person who was removed, an old PIN, or gives a person another role.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session as Transaction

from appliance.box.remembered import Remembered
from appliance.box.schema import UserRow
from appliance.box.store import Store
from appliance.tpm import Authorisation, Tpm
from media_format import cbor
from media_format.errors import MachineFault, Misuse
from media_format.refusal import Code, Refusal

_NAME: Final = re.compile(r"[\w][\w .'-]{0,31}")
_SHORTEST_PIN: Final = 6


class UserRole(StrEnum):
    """What a person may do."""

    TECHNICIAN = "technician"
    """Import, admit, write, collect, and sign what is exported."""
    SUPERVISOR = "supervisor"
    """Also retire releases, make rules and backups, and say who the people are."""


@dataclass(frozen=True, slots=True)
class Session:
    """A person who has shown the PIN, with the right to use the keys."""

    user: str
    role: UserRole
    authorisation: Authorisation = field(repr=False)
    sealed: bytes = field(repr=False)
    """What the PIN opened; another one stands there once the person has another PIN."""

    def require(self, role: UserRole) -> None:
        """Misuse unless the person has this role."""
        if role is UserRole.SUPERVISOR and self.role is not role:
            raise Misuse(f"{self.user} is no supervisor; this needs one")


@dataclass(frozen=True, slots=True)
class User:
    """A person as lists show one."""

    name: str
    role: UserRole


@dataclass(frozen=True, slots=True)
class StoredUser:
    """A person as the database has one, whatever it says."""

    name: str
    role: str
    sealed: bytes = field(repr=False)


def check_new(name: str, pin: str) -> None:
    """Misuse for names that are none and for PINs that protect nothing."""
    if not _NAME.fullmatch(name):
        raise Misuse(f"{name!r} is no name for a user: use letters, digits, spaces, at most 32")
    _check_pin(pin)


def seal(tpm: Tpm, secret: bytes, pin: str) -> bytes:
    """What opens `secret` with a PIN. Misuse for PINs that protect nothing.

    Stretching a PIN takes its time: to be called outside of a transaction, which others would wait for.
    """
    _check_pin(pin)
    return tpm.seal(secret, pin)


def add(transaction: Transaction, name: str, role: UserRole, sealed: bytes) -> None:
    """Let a person use the keys whose authorisation is `sealed`. Misuse for names in use."""
    if transaction.get(UserRow, name):
        raise Misuse(f"there is a user {name!r} already")
    transaction.add(UserRow(name=name, role=str(role), sealed=sealed))


def reset(transaction: Transaction, name: str, sealed: bytes) -> None:
    """Give a person a new PIN, which opens `sealed`."""
    row = transaction.get(UserRow, name)
    if row is None:
        raise Misuse(f"there is no user {name!r}")
    row.sealed = sealed


def remove(transaction: Transaction, name: str) -> None:
    """Take the right away. Misuse for the last supervisor."""
    row = transaction.get(UserRow, name)
    if row is None:
        raise Misuse(f"there is no user {name!r}")
    supervisors = transaction.scalar(
        select(func.count()).select_from(UserRow).where(UserRow.role == UserRole.SUPERVISOR)
    )
    if row.role == UserRole.SUPERVISOR and supervisors == 1:
        raise Misuse(f"{name!r} is the last supervisor and cannot be removed")
    transaction.delete(row)


def unlock(store: Store, tpm: Tpm, name: str, pin: str) -> Session:
    """Open a session. Nobody who works at the box waits while the PIN is stretched.

    Refusal(pin-wrong), (tpm-locked) or (tpm-unavailable), the last one also for people whom the TPM does not
    remember.
    """
    session = unlock_alone(store, tpm, name, pin)
    with store.transaction() as transaction:
        check_session(transaction, tpm, session)
    return session


def unlock_alone(store: Store, tpm: Tpm, name: str, pin: str) -> Session:
    """As `unlock`, in a store of which nobody else knows: the TPM hears nothing of its people."""
    with store.reading() as transaction:
        PEOPLE.check(transaction, tpm)
        person = next((person for person in _people(transaction) if person.name == name), None)
    if person is None:
        raise Refusal(Code.PIN_WRONG, f"there is no user {name!r} with this PIN")
    authorisation = Authorisation(tpm.unseal(person.sealed, pin))
    return Session(name, _role(person), authorisation, person.sealed)


def check_session(transaction: Transaction, tpm: Tpm, session: Session) -> None:
    """Hold a session against the people of today, in a transaction that may write.

    Refusal(pin-wrong) where its person was removed, or has another PIN or role since it was opened, and as
    `PEOPLE.settle` raises.
    """
    PEOPLE.settle(transaction, tpm)
    row = transaction.get(UserRow, session.user)
    if row is None or (row.role, row.sealed) != (session.role, session.sealed):
        raise Refusal(
            Code.PIN_WRONG,
            f"{session.user} was removed, or has another PIN or role, since the PIN was shown",
        )


def listed(transaction: Transaction) -> tuple[User, ...]:
    """Everybody, by name. MachineFault for a role that is none."""
    return tuple(User(person.name, _role(person)) for person in _people(transaction))


def _role(person: StoredUser) -> UserRole:
    try:
        return UserRole(person.role)
    except ValueError:
        raise MachineFault(
            f"box.db says that {person.name!r} is a {person.role!r}, which nobody can be: the file was"
            " changed; see what else is wrong with it (updatebox box status --check)"
        ) from None


def _people(transaction: Transaction) -> tuple[StoredUser, ...]:
    """Everybody, as the database says it now: not as this transaction may have read it before."""
    rows = transaction.execute(select(UserRow.name, UserRow.role, UserRow.sealed).order_by(UserRow.name))
    return tuple(StoredUser(*row) for row in rows)


def _rows(transaction: Transaction) -> list[cbor.Value]:
    return [[person.name, person.role, person.sealed] for person in _people(transaction)]


PEOPLE: Final = Remembered("people", "the people", _rows)
"""Everybody with role and PIN."""


def _check_pin(pin: str) -> None:
    if len(pin) < _SHORTEST_PIN or len(set(pin)) == 1:
        raise Misuse(f"a PIN has at least {_SHORTEST_PIN} characters that are not all the same")
