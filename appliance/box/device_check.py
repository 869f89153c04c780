"""Checking the devices in the store: each against the request that it signed, and its line in the fleet.

A line is held against what it was made of. Not held, for nobody signed it: when a device was first and last
seen, and what was written for it and when.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session as Transaction

from appliance.box import admission, fleet
from appliance.box.schema import DeviceRow, FleetRow, ReceiptRow, ReleaseRow
from appliance.trust.known_chains import KnownChains
from appliance.trust.receipt import SignedReceipt, read_receipt
from appliance.trust.request import read_request
from media_format import cose
from media_format.objects import Outcome, Receipt, Request, TrustAnchor
from media_format.refusal import Code, Refusal

_RUN: Final = 500
"""Rows that are read at once."""
_KIND: Final = ("product", "line", "hardware")
_REPORT: Final = ("reported", "collected", "outcome", "code", "finished", "clock")
_CONFIRMED: Final = Outcome.CONFIRMED.name.lower()


def check_devices(transaction: Transaction, anchor: TrustAnchor) -> Iterator[tuple[str, str]]:
    """Everything that is not as its device signed it: which device, and what is wrong.

    One that never asked here is known by its receipts alone, and those are checked by themselves.
    """
    newest = (
        select(func.max(ReceiptRow.counter))
        .where(ReceiptRow.device_id == DeviceRow.id, ReceiptRow.epoch == DeviceRow.epoch)
        .correlate(DeviceRow)
        .scalar_subquery()
    )
    own = and_(ReceiptRow.device_id == DeviceRow.id, ReceiptRow.epoch == DeviceRow.epoch)
    rows = (
        select(DeviceRow, FleetRow, ReceiptRow)
        .outerjoin(FleetRow, and_(FleetRow.id == DeviceRow.id, FleetRow.epoch == DeviceRow.epoch))
        .outerjoin(ReceiptRow, and_(own, ReceiptRow.counter == newest))
        .order_by(DeviceRow.id, DeviceRow.epoch)
    )
    chains = KnownChains(anchor)
    for device, line, last in transaction.execute(rows.execution_options(yield_per=_RUN)):
        try:
            request = _request(device, anchor)
            receipt = None if last is None else read_receipt(last.receipt, chains)
        except Refusal as refusal:
            problem: str | None = f"it is not as its device signed it: {refusal.detail}"
        else:
            problem = _Device(transaction, device, request, last, receipt).problem(line)
        if problem:
            yield f"device {device.id}, epoch {device.epoch}", problem


def _request(row: DeviceRow, anchor: TrustAnchor) -> Request | None:
    """The newest request of a device; None for one that never asked. Refusal where the row is not of it."""
    if not row.request and not row.counter:
        return None
    signed = read_request(row.request, anchor)
    told = admission.device_row(signed, row.request, row.first_seen, row.last_seen)
    names = [column.name for column in DeviceRow.__table__.columns]
    if any(getattr(told, name) != getattr(row, name) for name in names):
        raise Refusal(Code.MALFORMED, "the database says something else of it than its request")
    return signed.request


@dataclass(frozen=True, slots=True)
class _Device:
    """What a device signed last."""

    transaction: Transaction
    row: DeviceRow
    request: Request | None
    last: ReceiptRow | None
    receipt: SignedReceipt | None

    def problem(self, line: FleetRow | None) -> str | None:
        """What is wrong with its line in the fleet."""
        if self.request is None and self.receipt is None:
            return "there is neither a request nor a receipt of it"
        if line is None:
            return "its line in the fleet is missing"
        changed = [name for name, value in self._told().items() if getattr(line, name) != value]
        if not self._may_run(line.version):
            changed.append("version")
        if not self._may_have_confirmed(line.head):
            changed.append("head")
        if not changed:
            return None
        return f"its line in the fleet says something else than it signed: {', '.join(changed)}"

    def _told(self) -> dict[str, Any]:
        """What the line says, as `fleet` makes it."""
        source = self.request or (self.receipt.identity.kind if self.receipt else None)
        told: dict[str, Any] = {name: getattr(source, name, "") for name in _KIND}
        if self.last is None or self.receipt is None:
            return told | dict.fromkeys(_REPORT)
        return told | fleet.last_report(self.receipt.receipt, self.last.collected)

    def _may_run(self, version: str | None) -> bool:
        """Whether it runs what its newest request or receipt says; if one does not, what an older one says.

        Of its requests the box keeps the newest alone.
        """
        said = set()
        if self.request is not None:
            said.add(admission.running_version(self.request))
        if self.receipt is not None:
            told = self.receipt.receipt
            said |= {fleet.running_version(told), told.version_after}
        if version in said or None not in said:
            return version in said
        if self.request is not None and self.request.counter > 1:
            return True
        older = or_(ReceiptRow.version_before == version, ReceiptRow.version_after == version)
        return bool(self.transaction.scalar(select(exists().where(*self._own(), older))))

    def _may_have_confirmed(self, head: int | None) -> bool:
        """Whether its request, or a receipt since, says that it has confirmed the release with this index."""
        known = self.request.head.index if self.request and self.request.head else None
        if head == known:
            return True
        if head is None:
            return self.request is None
        named = select(ReleaseRow.manifest_digest).where(ReleaseRow.release_index == head)
        return head > (known or 0) and not self._confirmed().isdisjoint(self.transaction.scalars(named))

    def _confirmed(self) -> set[bytes | None]:
        """The manifest digests of the releases that its receipts say it has confirmed."""
        rows = select(ReceiptRow.receipt).where(*self._own(), ReceiptRow.outcome == _CONFIRMED)
        found: set[bytes | None] = set()
        for data in self.transaction.scalars(rows):
            with suppress(Refusal):  # which is told of where receipts are checked
                signed = cose.read_sign1(data, Receipt.CONTENT_TYPE, Receipt.LIMIT)
                found.add(Receipt.from_bytes(signed.payload).manifest_digest)
        return found

    def _own(self) -> tuple[Any, ...]:
        return ReceiptRow.device_id == self.row.id, ReceiptRow.epoch == self.row.epoch
