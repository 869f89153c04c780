"""The fleet: what the devices that a box has seen run, what they should, and what became of the last try."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, case, exists, false, func, select, tuple_, update
from sqlalchemy.orm import Session as Transaction
from sqlalchemy.orm import aliased

from appliance.box import admission, offering, trial
from appliance.box.delivery import LIFETIME
from appliance.box.rules import Rules
from appliance.box.schema import DeviceRow, FleetRow, ReleaseRow
from media_format.objects import DeviceKind, Outcome, Receipt, Request

Place = tuple[str, int]
"""A device's id and enrolment epoch."""

_OLDER: Final = aliased(FleetRow)


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device as lists show it. Times are seconds since the epoch; None where nothing is known."""

    id: str
    epoch: int
    product: str
    line: str
    hardware: str
    counter: int
    """The number of its newest request."""
    allowed: bool
    last_seen: int
    version: str | None
    """What it runs, as it said last."""
    wanted: str | None
    """The newest release that the box has for its kind; None where it has installed that, or there is none.

    Whether that fits the device, its request decides.
    """
    unconfirmed: str | None
    """The release that it has installed and not confirmed yet; it may still wait for its boot."""
    outcome: str | None
    """What became of the last package, with the code of a refusal or failure."""
    code: str | None
    finished: int | None
    """When, by the device's own clock."""
    clock: str | None
    """Which one that is."""
    waiting: str | None
    """The release that was written for it and of which it has not reported yet."""
    overdue: bool
    """Whether that package has expired meanwhile."""


@dataclass(frozen=True, slots=True)
class DeviceFilter:
    """Which devices are wanted: all conditions hold. `after` is the last one of the page before."""

    device: str | None = None
    product: str | None = None
    line: str | None = None
    outcome: str | None = None
    behind: bool = False
    """Only those for which the box has a newer release."""
    waiting: bool = False
    every_epoch: bool = False
    """Also enrolments that were replaced by a newer one."""
    after: Place | None = None
    limit: int = 1000


def devices(transaction: Transaction, rules: Rules, wanted: DeviceFilter, now: int) -> tuple[DeviceInfo, ...]:
    """A page of the devices, by id and epoch."""
    newest = _Newest(transaction)
    rows = transaction.execute(
        select(FleetRow, DeviceRow.counter, DeviceRow.last_seen, trial.told(FleetRow.id, FleetRow.epoch))
        .join(DeviceRow, and_(DeviceRow.id == FleetRow.id, DeviceRow.epoch == FleetRow.epoch))
        .where(*_conditions(wanted, newest))
        .order_by(FleetRow.id, FleetRow.epoch)
        .limit(wanted.limit)
    )
    return tuple(_info(rules, newest, now, *row) for row in rows)


def asked(transaction: Transaction, request: Request) -> None:
    """Note what a device's request says of it."""
    row = _row(transaction, (request.device_id, request.epoch))
    row.product, row.line, row.hardware = request.product, request.line, request.hardware
    row.version = admission.running_version(request) or row.version
    row.head = request.head.index if request.head else None
    transaction.add(row)


def reported(
    transaction: Transaction, receipts: Sequence[Receipt], kind: DeviceKind | None, now: int
) -> None:
    """Note what new receipts of a device say of it; the last one is its newest."""
    receipt = receipts[-1]
    row = _row(transaction, (receipt.device_id, receipt.epoch))
    if kind is not None:
        row.product, row.line, row.hardware = kind.product, kind.line, kind.hardware
    for name, value in last_report(receipt, now).items():
        setattr(row, name, value)
    row.version = running_version(receipt) or row.version
    row.head = _head(transaction, row.head, receipts)
    row.written = row.written_version = None
    transaction.add(row)


def written(transaction: Transaction, ids: Iterable[str], version: str, now: int) -> None:
    """Note that a package with a release was written for devices."""
    for device in ids:
        newest = select(func.max(FleetRow.epoch)).where(FleetRow.id == device).scalar_subquery()
        row = update(FleetRow).where(FleetRow.id == device, FleetRow.epoch == newest)
        transaction.execute(row.values(written=now, written_version=version))


def last_report(receipt: Receipt, collected: int) -> dict[str, Any]:
    """The columns that tell of a device's newest receipt alone."""
    return {
        "reported": receipt.counter,
        "collected": collected,
        "outcome": receipt.outcome.name.lower(),
        "code": str(receipt.code) if receipt.code else None,
        "finished": receipt.time.finished,
        "clock": receipt.time.source,
    }


class _Newest:
    """The newest release that is offered for each kind of device; looked up once."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._known: dict[DeviceKind, ReleaseRow | None] = {}

    def of(self, kind: DeviceKind) -> ReleaseRow | None:
        if kind not in self._known:
            self._known[kind] = offering.newest(self._transaction, kind)
        return self._known[kind]

    def behind(self, product: str | None) -> ColumnElement[bool]:
        """Whether there is a newer release for a device, of this product or any, than it has installed."""
        wanted = select(FleetRow.product, FleetRow.line, FleetRow.hardware).distinct()
        kinds = self._transaction.execute(
            wanted if product is None else wanted.where(FleetRow.product == product)
        )
        indices, versions = [], []
        for name, line, hardware in kinds:
            release = self.of(DeviceKind(product=name, line=line, hardware=hardware))
            if release is not None:
                own = and_(FleetRow.product == name, FleetRow.line == line, FleetRow.hardware == hardware)
                indices.append((own, release.release_index))
                versions.append((own, release.version))
        if not indices:
            return false()
        # One expression for all kinds: devices are walked in their order, and the page is full soon.
        newest = case(*versions, else_="")
        told = func.coalesce(trial.told(FleetRow.id, FleetRow.epoch), "")
        confirmed = func.coalesce(FleetRow.head, 0)
        return and_(
            confirmed < case(*indices, else_=0), func.coalesce(FleetRow.version, "") != newest, told != newest
        )


def _row(transaction: Transaction, place: Place) -> FleetRow:
    id_, epoch = place
    found = transaction.get(FleetRow, place)
    return found or FleetRow(id=id_, epoch=epoch, product="", line="", hardware="")


def running_version(receipt: Receipt) -> str | None:
    """What a device runs when it writes a receipt: what it has just installed waits for its boot."""
    installed = receipt.outcome is Outcome.INSTALLED
    return receipt.version_before if installed else receipt.version_after


def _head(transaction: Transaction, known: int | None, receipts: Iterable[Receipt]) -> int | None:
    """The index of the newest release that a device has confirmed, as far as the box knows the releases."""
    confirmed = {one.manifest_digest for one in receipts if one.outcome is Outcome.CONFIRMED}
    if not confirmed:
        return known
    newest = select(func.max(ReleaseRow.release_index)).where(ReleaseRow.manifest_digest.in_(confirmed))
    return max(known or 0, transaction.scalar(newest) or 0) or None


def _conditions(wanted: DeviceFilter, newest: _Newest) -> Iterator[ColumnElement[bool]]:
    for column, value in (
        (FleetRow.id, wanted.device),
        (FleetRow.product, wanted.product),
        (FleetRow.line, wanted.line),
        (FleetRow.outcome, wanted.outcome),
    ):
        if value is not None:
            yield column == value
    if wanted.behind:
        yield newest.behind(wanted.product)
    if wanted.waiting:
        yield FleetRow.written.is_not(None)
    if not wanted.every_epoch:
        yield ~exists().where(_OLDER.id == FleetRow.id, _OLDER.epoch > FleetRow.epoch)
    if wanted.after is not None:
        yield tuple_(FleetRow.id, FleetRow.epoch) > wanted.after


def _info(
    rules: Rules,
    newest: _Newest,
    now: int,
    row: FleetRow,
    counter: int,
    last_seen: int,
    unconfirmed: str | None,
) -> DeviceInfo:
    kind = DeviceKind(product=row.product, line=row.line, hardware=row.hardware)
    release = newest.of(kind)
    behind = release is not None and release.release_index > (row.head or 0)
    wanted = release.version if release is not None and behind else None
    if wanted is not None and wanted in (row.version, unconfirmed):
        wanted, unconfirmed = None, wanted
    told: dict[str, Any] = {
        name: getattr(row, name) for name in ("id", "epoch", "product", "line", "hardware", "version")
    }
    return DeviceInfo(
        **told,
        counter=counter,
        allowed=rules.judge(row.id, kind).allowed,
        last_seen=last_seen,
        wanted=wanted,
        unconfirmed=unconfirmed,
        outcome=row.outcome,
        code=row.code,
        finished=row.finished,
        clock=row.clock,
        waiting=row.written_version,
        overdue=row.written is not None and row.written + LIFETIME < now,
    )
