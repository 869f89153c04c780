"""The tables of the box's store. Digests and ids are bytes; times are seconds since the epoch."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, LargeBinary, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

VERSION: Final = "2"
"""The newest step in `appliance.box.migrations`; a change of a table comes with a step of its own."""


class Base(DeclarativeBase):
    """What all tables share."""

    type_annotation_map = {str: Text, bytes: LargeBinary}  # noqa: RUF012  # SQLAlchemy reads it as it is
    __table_args__: Any = {"sqlite_strict": True}  # noqa: RUF012


class ReleaseRow(Base):
    """A release that was imported. `package_id` names its sealed package on disk."""

    __tablename__ = "releases"

    manifest_digest: Mapped[bytes] = mapped_column(primary_key=True)
    package_id: Mapped[bytes] = mapped_column(unique=True)
    product: Mapped[str] = mapped_column(index=True)
    line: Mapped[str]
    version: Mapped[str]
    release_index: Mapped[int]
    manifest: Mapped[bytes]
    """The COSE object, as signed."""
    imported: Mapped[int]
    retired: Mapped[int | None]
    """When it was taken off the offer; None while it is offered."""


class PackageFileRow(Base):
    """A file of a sealed package, as it was written at import. `digest` is SHA-256."""

    __tablename__ = "package_files"

    package_id: Mapped[bytes] = mapped_column(ForeignKey("releases.package_id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int]
    digest: Mapped[bytes]


class DeviceRow(Base):
    """A device in one enrolment epoch, with its newest admitted request."""

    __tablename__ = "devices"

    id: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    product: Mapped[str] = mapped_column(index=True)
    line: Mapped[str]
    hardware: Mapped[str]
    counter: Mapped[int]
    request: Mapped[bytes]
    """The COSE object of the newest request."""
    request_digest: Mapped[bytes]
    first_seen: Mapped[int]
    last_seen: Mapped[int]


class FleetRow(Base):
    """What a device in one enrolment epoch comes to, beside its request and receipts: narrow, for lists."""

    __tablename__ = "fleet"
    __table_args__ = (
        ForeignKeyConstraint(["id", "epoch"], ["devices.id", "devices.epoch"]),
        Index("fleet_by_kind", "product", "line", "hardware"),
        Index("fleet_by_product", "product", "id", "epoch"),
        Index("fleet_by_outcome", "outcome", "id", "epoch"),
        Index("fleet_waiting", "id", "epoch", sqlite_where=text("written IS NOT NULL")),
        {"sqlite_strict": True},
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    product: Mapped[str]
    line: Mapped[str]
    hardware: Mapped[str]
    version: Mapped[str | None]
    """What it runs, as it said last."""
    head: Mapped[int | None]
    """The index of the release that it has confirmed, by its newest request or a receipt since."""
    reported: Mapped[int | None]
    """The number of its newest receipt; outcome, code, finished and clock are that one's."""
    outcome: Mapped[str | None]
    code: Mapped[str | None]
    finished: Mapped[int | None]
    clock: Mapped[str | None]
    """By which of its clocks it finished."""
    collected: Mapped[int | None]
    written: Mapped[int | None]
    """When a package was written for it, until a receipt comes back."""
    written_version: Mapped[str | None]


class ReceiptRow(Base):
    """A receipt that was collected. `gap` is set where the one before it is not held, or another one is."""

    __tablename__ = "receipts"
    __table_args__ = (
        ForeignKeyConstraint(["device_id", "epoch"], ["devices.id", "devices.epoch"]),
        Index("receipts_by_time", "collected", "device_id", "epoch", "counter"),
        Index("receipts_by_outcome", "outcome", "collected", "device_id", "epoch", "counter"),
        {"sqlite_strict": True},
    )

    device_id: Mapped[str] = mapped_column(primary_key=True)
    epoch: Mapped[int] = mapped_column(primary_key=True)
    counter: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[bytes]
    previous: Mapped[bytes | None]
    outcome: Mapped[str]
    code: Mapped[str | None]
    detail: Mapped[str | None]
    version_before: Mapped[str | None]
    version_after: Mapped[str | None]
    finished: Mapped[int | None]
    receipt: Mapped[bytes]
    collected: Mapped[int]
    gap: Mapped[int]


class RuleRow(Base):
    """Who may be updated: a rule of the box for the devices that fit all its selectors; "" fits every device.

    `first` and `last` are the ids of a range; one id is both.
    """

    __tablename__ = "rules"

    product: Mapped[str] = mapped_column(primary_key=True)
    line: Mapped[str] = mapped_column(primary_key=True)
    hardware: Mapped[str] = mapped_column(primary_key=True)
    first: Mapped[str] = mapped_column(primary_key=True)
    last: Mapped[str] = mapped_column(primary_key=True)
    allowed: Mapped[int]


class UserRow(Base):
    """A person; `sealed` opens, with the person's PIN and in this TPM, to the keys' authorisation."""

    __tablename__ = "users"

    name: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str]
    sealed: Mapped[bytes]


class LedgerRow(Base):
    """One act. `digest` is over this entry and the digest of the one before."""

    __tablename__ = "ledger"

    sequence: Mapped[int] = mapped_column(primary_key=True)
    time: Mapped[int]
    source: Mapped[str]
    who: Mapped[str]
    act: Mapped[str]
    detail: Mapped[str]
    previous: Mapped[bytes]
    digest: Mapped[bytes]
    signature: Mapped[bytes | None]
    """The box's signature over the digest, where the act was done with keys unlocked."""


class SettingRow(Base):
    """What the box remembers between runs: whose store it is, the time floor, its revocation lists."""

    __tablename__ = "settings"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[bytes]


class VersionRow(Base):
    """The one row that Alembic keeps: the newest step that was taken."""

    __tablename__ = "alembic_version"

    version_num: Mapped[str] = mapped_column(primary_key=True)
