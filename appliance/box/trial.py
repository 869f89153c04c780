"""Releases on trial: what devices have installed and not confirmed yet, as far as they have said so."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ScalarSelect, case, select
from sqlalchemy.orm import Session as Transaction

from appliance.box.schema import ReceiptRow, ReleaseRow
from media_format.objects import Outcome, Request

_INSTALLED: Final = Outcome.INSTALLED.name.lower()
_REFUSED: Final = Outcome.REFUSED.name.lower()


def told(device: Any, epoch: Any) -> ScalarSelect[str | None]:
    """The version that a device told it has installed, until it tells what became of that; NULL where none.

    A refusal changes nothing on a device; of its other receipts the newest says how it stands.
    """
    return (
        select(case((ReceiptRow.outcome == _INSTALLED, ReceiptRow.version_after)))
        .where(ReceiptRow.device_id == device, ReceiptRow.epoch == epoch, ReceiptRow.outcome != _REFUSED)
        .order_by(ReceiptRow.counter.desc())
        .limit(1)
        .scalar_subquery()
    )


def is_on_trial(transaction: Transaction, request: Request, release: ReleaseRow) -> bool:
    """Whether a device that has not confirmed a release runs it, or told that it has installed it."""
    digest = release.manifest_digest
    runs = any(slot.active and slot.manifest_digest == digest for slot in request.slots)
    return runs or transaction.scalar(select(told(request.device_id, request.epoch))) == release.version
