"""People at the box: each has a PIN that opens, in the TPM, the authorisation of the box's keys."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session as Transaction

from appliance.box.schema import UserRow
from appliance.tpm import Authorisation, Tpm
from media_format.errors import Misuse
from media_format.refusal import Code, Refusal

_NAME: Final = re.compile(r"[\w][\w .'-]{0,31}")
_SHORTEST_PIN: Final = 6


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
    """Open a session. Refusal(pin-wrong), (tpm-locked) or (tpm-unavailable)."""
    row = transaction.get(UserRow, name)
    if row is None:
        raise Refusal(Code.PIN_WRONG, f"there is no user {name!r} with this PIN")
    return Session(row.name, UserRole(row.role), Authorisation(tpm.unseal(row.sealed, pin)))


def listed(transaction: Transaction) -> tuple[User, ...]:
    """Everybody, by name."""
    rows = transaction.scalars(select(UserRow).order_by(UserRow.name))
    return tuple(User(row.name, UserRole(row.role)) for row in rows)


def _sealed(tpm: Tpm, secret: bytes, pin: str) -> bytes:
    _check_pin(pin)
    return tpm.seal(secret, pin)


def _check_pin(pin: str) -> None:
    if len(pin) < _SHORTEST_PIN or len(set(pin)) == 1:
        raise Misuse(f"a PIN has at least {_SHORTEST_PIN} characters that are not all the same")
