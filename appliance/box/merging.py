"""Taking over what another box knew, from its store: devices, receipts, and who may not be updated.

The other box signed its backup, but anybody who could write its database has a say in what is there. So a
device or receipt is taken over only with its device's signature, and says what that device signed. Rules
have no signature: those that deny are taken over, since they allow nobody anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session as Transaction

from appliance.box import admission, entitlements, fleet, rules
from appliance.box.ledger import Acts
from appliance.box.receipts import columns_of, unseen
from appliance.box.receipts_in_ledger import TAKE_OVER, runs
from appliance.box.schema import DeviceRow, FleetRow, ReceiptRow
from appliance.box.store import Store
from appliance.box.told import keep_lists
from appliance.trust.bundle import Bundle
from appliance.trust.known_chains import KnownChains
from appliance.trust.receipt import SignedReceipt, read_receipt
from appliance.trust.request import SignedRequest, read_request
from media_format.objects import TrustAnchor
from media_format.refusal import Refusal

_RUN: Final = 500
_GAPS: Final = text(
    "UPDATE receipts AS r SET gap = r.previous IS NOT (SELECT b.digest FROM receipts AS b"
    " WHERE b.device_id = r.device_id AND b.epoch = r.epoch AND b.counter < r.counter"
    " ORDER BY b.counter DESC LIMIT 1)"
)


@dataclass(slots=True)
class LeftOut:
    """How many rows of another box's store were left out."""

    devices: int = 0
    """Those that say what no device signed; `receipts` likewise."""
    receipts: int = 0
    rules: int = 0
    """Those that allow, for nobody signs rules; and those that are none."""

    @property
    def unsigned(self) -> bool:
        """Whether somebody wrote to that box's database who was neither the box nor a device."""
        return bool(self.devices or self.receipts)


def merge(acts: Acts, other: Store, own: Store, bundle: Bundle) -> LeftOut:
    """Take over what `other` holds: of each device the newer request, receipts, rules that deny.

    Where this store has another receipt or rule in the same place, that stays. Newer revocation lists come
    along, with the time that has passed by their dates, for nobody signed the other box's time floor; and the
    vendor's list of devices where there is none: without it more would be allowed. `bundle` holds the anchor
    and the issuing CAs. Each row of receipts gets its entry in the ledger, so that one taken out later is
    missed. Returns what was left out.
    """
    left, transaction = LeftOut(), acts.transaction
    with other.reading() as theirs:
        for row, request in _requests(theirs, bundle.anchor, left):
            _take_request(transaction, row, request)
        for place, receipts in groupby(_receipts(theirs, bundle.anchor, left), lambda one: _place(one[1])):
            _take_receipts(acts, place, list(receipts))
        transaction.execute(_GAPS)
        left.rules = rules.adopt(transaction, rules.own(theirs))
        listed = entitlements.held(theirs)
        if listed is not None and entitlements.held(transaction) is None:
            entitlements.keep(transaction, listed)
    keep_lists(transaction, own, bundle, other.lists(bundle).ders)
    return left


def _requests(
    theirs: Transaction, anchor: TrustAnchor, left: LeftOut
) -> Iterator[tuple[DeviceRow, SignedRequest]]:
    """The requests that their devices signed, with their rows."""
    rows = select(DeviceRow).order_by(DeviceRow.id, DeviceRow.epoch).execution_options(yield_per=_RUN)
    for row in theirs.scalars(rows):
        if not row.request:
            # A device that never asked, and is known by its receipts.
            continue
        try:
            signed = read_request(row.request, anchor)
        except Refusal:
            left.devices += 1
            continue
        # Under another's name it is still what its device signed.
        left.devices += (row.id, row.epoch) != (signed.request.device_id, signed.request.epoch)
        yield row, signed


def _take_request(transaction: Transaction, row: DeviceRow, signed: SignedRequest) -> None:
    request = signed.request
    held = transaction.get(DeviceRow, (request.device_id, request.epoch))
    if held is not None and held.counter >= request.counter:
        return
    first_seen = held.first_seen if held else row.first_seen
    seen = max(held.last_seen, row.last_seen) if held else row.last_seen
    transaction.merge(admission.device_row(signed, row.request, first_seen, seen))
    transaction.flush()
    fleet.asked(transaction, request)


def _receipts(
    theirs: Transaction, anchor: TrustAnchor, left: LeftOut
) -> Iterator[tuple[ReceiptRow, SignedReceipt]]:
    """The receipts that their devices signed, with their rows."""
    chains = KnownChains(anchor)
    order = (ReceiptRow.device_id, ReceiptRow.epoch, ReceiptRow.counter)
    for row in theirs.scalars(select(ReceiptRow).order_by(*order).execution_options(yield_per=_RUN)):
        try:
            signed = read_receipt(row.receipt, chains)
        except Refusal:
            left.receipts += 1
            continue
        if (*_place(signed), signed.receipt.counter) == (row.device_id, row.epoch, row.counter):
            yield row, signed
        else:
            left.receipts += 1


def _place(signed: SignedReceipt) -> fleet.Place:
    return signed.receipt.device_id, signed.receipt.epoch


def _take_receipts(acts: Acts, place: fleet.Place, receipts: list[tuple[ReceiptRow, SignedReceipt]]) -> None:
    """Take over the receipts of one device, in the order of their numbers, and enter those that are new."""
    transaction = acts.transaction
    row, newest = receipts[-1]
    if transaction.get(DeviceRow, place) is None:
        transaction.add(unseen(newest, row.collected))
        transaction.flush()
    own = select(ReceiptRow.counter).where(ReceiptRow.device_id == place[0], ReceiptRow.epoch == place[1])
    held = set(transaction.scalars(own))
    new = [(row, signed) for row, signed in receipts if signed.receipt.counter not in held]
    if new:
        transaction.execute(insert(ReceiptRow), [_columns(row, signed) for row, signed in new])
    for run in runs(signed for _, signed in new):
        acts.enter(TAKE_OVER, str(run))
    known = transaction.get(FleetRow, place)
    if known is None or (known.reported or 0) < newest.receipt.counter:
        told = [signed.receipt for _, signed in receipts]
        fleet.reported(transaction, told, newest.identity.kind, row.collected)
        transaction.flush()


def _columns(row: ReceiptRow, signed: SignedReceipt) -> dict[str, Any]:
    told = columns_of(signed.receipt, signed.digest)
    return {**told, "receipt": row.receipt, "collected": row.collected, "gap": 0}
