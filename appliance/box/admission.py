"""Admitting requests: who asks, whether it is new, whether that device is allowed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session as Transaction

from appliance.box.offering import Offer, Withheld
from appliance.box.rules import Rules
from appliance.box.schema import DeviceRow
from appliance.trust.request import SignedRequest, VerifiedRequest
from media_format.errors import Misuse
from media_format.objects import DeviceKind, Request
from media_format.refusal import Code, Refusal


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of one request on a medium. `code` is None where it was admitted."""

    file: str
    device_id: str | None
    product: str | None
    version: str | None
    """What the device runs now."""
    counter: int | None
    code: Code | None
    detail: str
    """What was judged: why it was refused, or why it may be answered."""
    release: bytes | None
    """The manifest digest of the release this device should get; None where nothing newer is for it."""
    release_version: str | None
    unconfirmed: str | None = None
    """The release that it should get, where it has installed that already and not confirmed it."""
    withheld: Withheld | None = None
    """The newest release, where the device gets an older one, or none, because that does not fit it."""
    certified_until: int | None = None
    """When the device's certificate expires, in seconds since the epoch; None where it was refused."""


def admitted(
    file: str, verified: VerifiedRequest, offer: Offer, why: str, *, on_trial: bool = False
) -> Admission:
    """The admission of a request that may be answered, with what its device should get and why it may.

    One whose device has what is offered `on_trial` calls for nothing.
    """
    request, withheld = verified.request, offer.withheld
    release = None if on_trial else offer.release
    if withheld is not None:
        why += f"; {withheld.code}: {withheld.detail}"
    return Admission(
        file=file,
        device_id=request.device_id,
        product=request.product,
        version=running_version(request),
        counter=request.counter,
        code=None,
        detail=why,
        release=release.manifest_digest if release else None,
        release_version=release.version if release else None,
        unconfirmed=offer.release.version if offer.release and on_trial else None,
        withheld=withheld,
        certified_until=int(verified.identity.certificate.not_valid_after_utc.timestamp()),
    )


def refused(file: str, verified: VerifiedRequest | None, refusal: Refusal) -> Admission:
    """The admission of a request that may not be answered; `verified` if that much is known of it."""
    request = verified.request if verified else None
    return Admission(
        file=file,
        device_id=request.device_id if request else None,
        product=request.product if request else None,
        version=running_version(request) if request else None,
        counter=request.counter if request else None,
        code=refusal.code,
        detail=refusal.detail,
        release=None,
        release_version=None,
    )


def judge(transaction: Transaction, verified: VerifiedRequest, rules: Rules) -> str:
    """Whether this request may be answered by the rules of this transaction; returns why.

    Raises Refusal(request-replayed) for one older than the newest seen, or another one with its
    counter, and Refusal(device-not-entitled), which names the rule that decides, where the device is denied.
    """
    request = verified.request
    newest = _newest(transaction, request.device_id)
    order = "the first request seen here"
    if newest is not None:
        order = _judge_order(newest, request, verified.digest)
    kind = DeviceKind(product=request.product, line=request.line, hardware=request.hardware)
    verdict = rules.judge(request.device_id, kind)
    if not verdict.allowed:
        raise Refusal(
            Code.DEVICE_NOT_ENTITLED, f"{request.device_id} is not allowed at this box: {verdict.reason}"
        )
    return f"{order}; {verdict.reason}"


def _newest(transaction: Transaction, device_id: str) -> DeviceRow | None:
    epochs = select(DeviceRow).where(DeviceRow.id == device_id).order_by(DeviceRow.epoch.desc())
    return transaction.scalars(epochs.limit(1)).first()


def _judge_order(newest: DeviceRow, request: Request, digest: bytes) -> str:
    """What its number says of a request. Refusal(request-replayed)."""
    name = request.device_id
    if request.epoch < newest.epoch:
        raise enrolled_again(name)
    if request.epoch > newest.epoch:
        return f"the first request since it was enrolled again, in epoch {request.epoch}"
    if request.counter < newest.counter:
        raise Refusal(
            Code.REQUEST_REPLAYED,
            f"{name}: request {request.counter} after request {newest.counter} was seen",
        )
    if request.counter == newest.counter and digest != newest.request_digest:
        raise Refusal(
            Code.REQUEST_REPLAYED,
            f"{name}: two different requests {request.counter}; its state may have been copied back",
        )
    if request.counter == newest.counter:
        return f"request {request.counter}, which was seen before and may be answered again"
    return (
        f"request {request.counter}, after request {newest.counter}"
        if newest.counter
        else "the first request seen here"
    )


def enrolled_again(device_id: str) -> Refusal:
    """The refusal of a request of an enrolment that a newer one replaced."""
    return Refusal(Code.REQUEST_REPLAYED, f"{device_id} was enrolled again since this request was made")


def kind_of(transaction: Transaction, device_id: str) -> DeviceKind:
    """What a device said it is when it asked last. Misuse where it never did."""
    row = _newest(transaction, device_id)
    if row is None:
        raise Misuse(f"{device_id} has not asked here; describe it by --product, --line and --hardware")
    return DeviceKind(product=row.product, line=row.line, hardware=row.hardware)


def remember(transaction: Transaction, verified: VerifiedRequest, data: bytes, now: int) -> bool:
    """Keep an admitted request as the newest of its device; returns whether it was not that already."""
    request = verified.request
    row = transaction.get(DeviceRow, (request.device_id, request.epoch))
    if row is not None and (row.counter, row.request_digest) == (request.counter, verified.digest):
        return False
    transaction.merge(device_row(verified, data, row.first_seen if row else now, now))
    return True


def device_row(signed: SignedRequest | VerifiedRequest, data: bytes, first_seen: int, seen: int) -> DeviceRow:
    """A device with its newest request; `data` is the COSE object."""
    request = signed.request
    return DeviceRow(
        id=request.device_id,
        epoch=request.epoch,
        product=request.product,
        line=request.line,
        hardware=request.hardware,
        counter=request.counter,
        request=data,
        request_digest=signed.digest,
        first_seen=first_seen,
        last_seen=seen,
    )


def running_version(request: Request) -> str | None:
    """The version that a device says it runs."""
    return next((slot.version for slot in request.slots if slot.active and slot.version), None)
