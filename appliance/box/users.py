"""People at the box: each has a PIN that opens, in the TPM, the authorisation of the box's keys.

Who they are stands in the database, and a digest over all of them in the TPM, so that nobody who can only
write the database brings back a person who was removed, an old PIN, or gives a person another role.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session as Transaction

from appliance.box.schema import UserRow
from appliance.tpm import Authorisation, Tpm
from media_format import cbor
from media_format.errors import MachineFault, Misuse
from media_format.refusal import Code, Refusal

_NAME: Final = re.compile(r"[\w][\w .'-]{0,31}")
_SHORTEST_PIN: Final = 6
_MEMORY: Final = "people"
"""The name under which the TPM keeps the digest over everybody; two of them while a change is made."""
_DIGEST: Final = 32


class UserRole(StrEnum):
    """What a person may do."""

    TECHNICIAN = "technician"
    """Import, write, collect."""
    SUPERVISOR = "supervisor"
    """Also users, rules and settings."""


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


def check_new(name: str, pin: str) -> None:
    """Misuse for names that are none and for PINs that protect nothing."""
    if not _NAME.fullmatch(name):
        raise Misuse(f"{name!r} is no name for a user: use letters, digits, spaces, at most 32")
    _check_pin(pin)


def add(transaction: Transaction, tpm: Tpm, name: str, role: UserRole, pin: str, secret: bytes) -> None:
    """Let a person use the keys whose authorisation is `secret`. Misuse for weak PINs and names in use."""
    check_new(name, pin)
    if transaction.get(UserRow, name):
        raise Misuse(f"there is a user {name!r} already")
    transaction.add(UserRow(name=name, role=str(role), sealed=_sealed(tpm, secret, pin)))


def reset(transaction: Transaction, tpm: Tpm, name: str, pin: str, secret: bytes) -> None:
    """Give a person a new PIN."""
    row = transaction.get(UserRow, name)
    if row is None:
        raise Misuse(f"there is no user {name!r}")
    row.sealed = _sealed(tpm, secret, pin)


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


def unlock(transaction: Transaction, tpm: Tpm, name: str, pin: str) -> Session:
    """Open a session, in a transaction that may write.

    Refusal(pin-wrong), (tpm-locked) or (tpm-unavailable), the last one also for people whom the TPM does not
    remember.
    """
    settle(transaction, tpm)
    row = transaction.get(UserRow, name)
    if row is None:
        raise Refusal(Code.PIN_WRONG, f"there is no user {name!r} with this PIN")
    return Session(row.name, _role(row), Authorisation(tpm.unseal(row.sealed, pin)), row.sealed)


def check_session(transaction: Transaction, tpm: Tpm, session: Session) -> None:
    """Hold a session against the people of today, in a transaction that may write.

    Refusal(pin-wrong) where its person was removed, or has another PIN or role since it was opened, and as
    `settle` raises.
    """
    settle(transaction, tpm)
    row = transaction.get(UserRow, session.user)
    if row is None or (row.role, row.sealed) != (session.role, session.sealed):
        raise Refusal(
            Code.PIN_WRONG,
            f"{session.user} was removed, or has another PIN or role, since the box was unlocked",
        )


@contextmanager
def changing(transaction: Transaction, tpm: Tpm) -> Iterator[None]:
    """Change who the people are, or their PINs and roles: the TPM hears of it before the database has it.

    Until `settle` is called in a later transaction it accepts both, the people before and those after: a cut
    leaves one of the two. Refusal(tpm-unavailable) for people whom the TPM does not remember.
    """
    before = settle(transaction, tpm)
    yield
    transaction.flush()
    tpm.store(_MEMORY, before + _digest(transaction))


def settle(transaction: Transaction, tpm: Tpm) -> bytes:
    """Hold the people against the TPM's memory, which from now on is of these alone; returns their digest.

    To be called in a transaction that may write, so that no change is under way. Refusal(tpm-unavailable) for
    people whom the TPM does not remember.
    """
    found, memory = _digest(transaction), tpm.load(_MEMORY) or _NOBODY
    if found not in (memory[:_DIGEST], memory[_DIGEST:]):
        raise Refusal(
            Code.TPM_UNAVAILABLE,
            "the people in box.db are not those that the TPM remembers: the file was changed or copied back;"
            " put the newest backup back (updatebox box restore), or make the box anew (updatebox box init)",
        )
    if memory != found:
        tpm.store(_MEMORY, found)
    return found


def listed(transaction: Transaction) -> tuple[User, ...]:
    """Everybody, by name. MachineFault for a role that is none."""
    rows = transaction.scalars(select(UserRow).order_by(UserRow.name))
    return tuple(User(row.name, _role(row)) for row in rows)


def _role(row: UserRow) -> UserRole:
    try:
        return UserRole(row.role)
    except ValueError:
        raise MachineFault(
            f"box.db says that {row.name!r} is a {row.role!r}, which nobody can be: the file was changed;"
            " see what else is wrong with it (updatebox box status --check)"
        ) from None


def _digest(transaction: Transaction) -> bytes:
    rows = transaction.scalars(select(UserRow).order_by(UserRow.name))
    return _digest_of([[row.name, row.role, row.sealed] for row in rows])


def _digest_of(people: list[cbor.Value]) -> bytes:
    return hashlib.sha256(cbor.encode(["updatebox people", people])).digest()


_NOBODY: Final = _digest_of([])
"""What the TPM of a new box remembers."""


def _sealed(tpm: Tpm, secret: bytes, pin: str) -> bytes:
    _check_pin(pin)
    return tpm.seal(secret, pin)


def _check_pin(pin: str) -> None:
    if len(pin) < _SHORTEST_PIN or len(set(pin)) == 1:
        raise Misuse(f"a PIN has at least {_SHORTEST_PIN} characters that are not all the same")
