"""Collecting: the requests and receipts that devices left on a medium are kept, all of a medium at once.

A medium is one transaction: a cut keeps all that it brought or nothing, and the device still has it. The
ledger has an entry for each new request, and for each row of receipts without a gap that a device sent: it
names the last one's digest, which by their chain stands for the others too.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from pathlib import Path

from sqlalchemy.orm import Session as Transaction

from appliance.box import admission, fleet
from appliance.box.admission import Admission
from appliance.box.context import Context
from appliance.box.judging import JudgedReceipt, JudgedRequest, judge_receipts, judge_requests
from appliance.box.ledger import Acts
from appliance.box.machine import Machine
from appliance.box.receipts import CollectedReceipt, History, ReceiptInfo, by_device
from appliance.box.receipts_in_ledger import COLLECT, runs
from appliance.box.rules import Rules
from appliance.trust.receipt import VerifiedReceipt
from media_format.refusal import Refusal
from media_format.volume.seam import Volume


def admit(machine: Machine, medium: Path) -> tuple[Admission, ...]:
    """As `BoxService.admit`."""
    with machine.reading(medium) as (context, volume):
        machine.learn(context, volume)
        judged = judge_requests(context, volume)
    return _keep(machine, context, judged)


def admit_from(
    machine: Machine, context: Context, volume: Volume, devices: Container[str]
) -> tuple[str, ...]:
    """Remember what these devices ask on a medium: they answer to no request that they have replaced.

    Returns the devices that ask there, whether they are among these or not.
    """
    judged = judge_requests(context, volume)
    _keep(machine, context, tuple(found for found in judged if found.admission.device_id in devices))
    return tuple(found.admission.device_id for found in judged if found.admission.device_id is not None)


def _keep(machine: Machine, context: Context, judged: tuple[JudgedRequest, ...]) -> tuple[Admission, ...]:
    if not any(found.verified for found in judged):
        return tuple(found.admission for found in judged)
    with machine.ledger.acts(context.now) as acts:
        rules = context.rules(acts.transaction)
        admitted = tuple(_admit(context, rules, acts, found) for found in judged)
        for lists in {
            found.verified.lists.ders: found.verified.lists for found in judged if found.verified
        }.values():
            machine.store.keep_lists(acts.transaction, context.own.bundle, lists)
    return admitted


def collect(machine: Machine, medium: Path) -> tuple[CollectedReceipt, ...]:
    """As `BoxService.collect`."""
    with machine.reading(medium) as (context, volume):
        machine.learn(context, volume)
        judged = judge_receipts(context, volume)
    now = context.now.time
    with machine.store.reading() as transaction:
        found = _Intake(transaction, judged, now).found
    if not any(one.new for one in found):
        return found
    with machine.ledger.acts(context.now) as acts:
        # Looked up again: another program may have collected them in between.
        return _Intake(acts.transaction, judged, now).keep(acts)


def new_receipts(context: Context, volume: Volume) -> int:
    """How many of the receipts on a medium the box does not hold. Nothing is kept."""
    judged = judge_receipts(context, volume)
    with context.store.reading() as transaction:
        return sum(one.new for one in _Intake(transaction, judged, context.now.time).found)


class _Intake:
    """The receipts of a medium, held against those that the box has."""

    def __init__(self, transaction: Transaction, judged: Iterable[JudgedReceipt], now: int) -> None:
        self._now = now
        self._judged = tuple(judged)
        groups = by_device(found.verified for found in self._judged if found.verified is not None)
        self._histories = {device: History(transaction, group) for device, group in groups.items()}
        self.found = tuple(map(self._look_up, self._judged))

    def keep(self, acts: Acts) -> tuple[CollectedReceipt, ...]:
        """Keep what is new, and enter it."""
        kept = {device: history.save(self._now) for device, history in self._histories.items()}
        new = [
            judged.verified
            for judged, found in zip(self._judged, self.found, strict=True)
            if judged.verified is not None and found.new
        ]
        new.sort(key=_place)
        for run in runs(new):
            acts.enter(COLLECT, str(run))
        return tuple(self._as_kept(found, kept) for found in self.found)

    def _look_up(self, judged: JudgedReceipt) -> CollectedReceipt:
        refusal = judged.refusal
        if judged.verified is not None:
            receipt = judged.verified.receipt
            history = self._histories[receipt.device_id, receipt.epoch]
            try:
                info, new = history.take(judged.verified, judged.data, self._now)
            except Refusal as refused:
                refusal = refused
            else:
                return CollectedReceipt(judged.file, new, info)
        assert refusal is not None
        return CollectedReceipt(judged.file, False, None, refusal.code, refusal.detail)

    @staticmethod
    def _as_kept(
        found: CollectedReceipt, kept: dict[tuple[str, int], dict[int, ReceiptInfo]]
    ) -> CollectedReceipt:
        if found.receipt is None or not found.new:
            return found
        info = kept[found.receipt.device_id, found.receipt.epoch][found.receipt.counter]
        return CollectedReceipt(found.file, True, info)


def _admit(context: Context, rules: Rules, acts: Acts, found: JudgedRequest) -> Admission:
    """Remember a request; judged again, since another one may have come in between.

    One that is its device's newest already is no news, and gets no entry.
    """
    verified, transaction = found.verified, acts.transaction
    if verified is None:
        return found.admission
    try:
        admission.judge(transaction, verified, rules)
    except Refusal as refusal:
        return admission.refused(found.admission.file, verified, refusal)
    if admission.remember(transaction, verified, found.data, context.now.time):
        transaction.flush()
        fleet.asked(transaction, verified.request)
        acts.enter("admit", f"{found.admission.device_id} request {found.admission.counter}")
    return found.admission


def _place(verified: VerifiedReceipt) -> tuple[str, int, int]:
    receipt = verified.receipt
    return receipt.device_id, receipt.epoch, receipt.counter
