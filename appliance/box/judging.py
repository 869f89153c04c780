"""Judging what devices left on a medium: their requests and their receipts. Nothing is kept here."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.box import admission, receipts, survey
from appliance.box.admission import Admission
from appliance.box.context import Context
from appliance.box.receipts import CollectedReceipt
from appliance.trust.receipt import VerifiedReceipt, admit_receipt
from appliance.trust.request import VerifiedRequest, admit_request
from media_format import layout, limits
from media_format.crl_files import read_crls
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume


@dataclass(frozen=True, slots=True)
class JudgedRequest:
    """A request file with its judgement; `verified` is None where it was refused."""

    admission: Admission
    verified: VerifiedRequest | None
    data: bytes


@dataclass(frozen=True, slots=True)
class JudgedReceipt:
    """A receipt file with its judgement; `verified` is None where it was refused."""

    collected: CollectedReceipt
    verified: VerifiedReceipt | None
    data: bytes


def judge_requests(context: Context, volume: Volume) -> tuple[JudgedRequest, ...]:
    """The requests on a medium; of several that one device wrote, the newest."""
    crls = read_crls(volume)
    entries = survey.files(volume, layout.REQUESTS, layout.REQUEST_SUFFIX)
    return _newest([_judge_request(context, volume, entry.name, crls) for entry in entries])


def judge_receipts(context: Context, volume: Volume) -> tuple[JudgedReceipt, ...]:
    """The receipts on a medium."""
    crls = read_crls(volume)
    entries = survey.files(volume, layout.RECEIPTS, layout.RECEIPT_SUFFIX)
    return tuple(_judge_receipt(context, volume, entry.name, crls) for entry in entries)


def _judge_request(context: Context, volume: Volume, name: str, crls: tuple[bytes, ...]) -> JudgedRequest:
    verified: VerifiedRequest | None = None
    try:
        limit = limits.MAX_REQUEST + limits.MAX_SIGN1_OVERHEAD
        data = volume.read_object(f"{layout.REQUESTS}/{name}", limit)
        verified = admit_request(data, context.anchor, context.lists(), context.now.time, crls)
        with context.store.reading() as transaction:
            admission.judge(transaction, verified, default_allowed=context.allow_by_default)
            release = admission.newest_release(transaction, verified.request)
    except Refusal as refusal:
        _raise_if_pulled(refusal)
        return JudgedRequest(admission.refused(name, verified, refusal), None, b"")
    return JudgedRequest(admission.admitted(name, verified, release), verified, data)


def _newest(judged: list[JudgedRequest]) -> tuple[JudgedRequest, ...]:
    places: dict[str, tuple[int, int]] = {}
    for entry in judged:
        if entry.verified is not None:
            request = entry.verified.request
            places[request.device_id] = max(
                places.get(request.device_id, (0, 0)), (request.epoch, request.counter)
            )
    return tuple(entry for entry in judged if entry.verified is None or _is_newest(entry.verified, places))


def _is_newest(verified: VerifiedRequest, places: dict[str, tuple[int, int]]) -> bool:
    request = verified.request
    return places[request.device_id] == (request.epoch, request.counter)


def _judge_receipt(context: Context, volume: Volume, name: str, crls: tuple[bytes, ...]) -> JudgedReceipt:
    try:
        limit = limits.MAX_RECEIPT + limits.MAX_SIGN1_OVERHEAD
        data = volume.read_object(f"{layout.RECEIPTS}/{name}", limit)
        verified = admit_receipt(data, context.anchor, context.lists(), context.now.time, crls)
        with context.store.reading() as transaction:
            info, new = receipts.preview(transaction, verified, data, context.now.time)
    except Refusal as refusal:
        _raise_if_pulled(refusal)
        return JudgedReceipt(CollectedReceipt(name, False, None, refusal.code, refusal.detail), None, b"")
    return JudgedReceipt(CollectedReceipt(name, new, info), verified, data)


def _raise_if_pulled(refusal: Refusal) -> None:
    """Nothing can be said of a file on a medium that is gone."""
    if refusal.code is Code.MEDIUM_PULLED:
        raise refusal
