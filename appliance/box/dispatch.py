"""Dispatching: which release a device gets, and sealing it for the devices that share a package."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session as Transaction

from appliance.box import admission, delivering, delivery, importing, offering, receipts, reuse, tidying
from appliance.box.context import Context
from appliance.box.delivering import Cancelled, Written
from appliance.box.delivery import Delivery, Target
from appliance.box.schema import DeviceRow, ReleaseRow
from appliance.box.users import Session
from appliance.trust.request import VerifiedRequest, admit_request
from appliance.trust.verifier import PackageBytes
from media_format import limits
from media_format.crl_files import write_crls
from media_format.errors import Misuse
from media_format.objects import Answer, Cipher, DeviceBinding, Mode, Request
from media_format.progress import Report
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume


@dataclass(frozen=True, slots=True)
class Choice:
    """A device's newest admitted request and the release it gets."""

    verified: VerifiedRequest
    release: ReleaseRow


def choose(
    context: Context, device: str, release: bytes | None, mode: Mode, there: tuple[str, ...] = ()
) -> Choice:
    """Judge a device's newest request again and choose its release: the named one, or the newest that fits.

    Raises Misuse for devices and releases that are not known, Refusal(already-installed) where there is
    nothing newer, (unsupported-format) where the device cannot read what would be written, the refusals of
    admission, and those of `offering.check_release`. Whoever names a device that never asked is told which
    are `there`, on the medium.
    """
    with context.store.reading() as transaction:
        row = transaction.scalars(
            select(DeviceRow).where(DeviceRow.id == device).order_by(DeviceRow.epoch.desc()).limit(1)
        ).first()
        if row is None or not row.request:
            asking = f"; those that ask on this medium: {', '.join(dict.fromkeys(there))}" if there else ""
            raise Misuse(
                f"no request of the device {device!r} was admitted; admit the medium it wrote first{asking}"
            )
        verified = admit_request(row.request, context.anchor, context.lists(), context.now.time)
        admission.judge(transaction, verified, context.rules(transaction))
        _check_readable(verified.request, mode)
        if release is None:
            return Choice(verified, _newest(transaction, verified.request))
        chosen = transaction.get(ReleaseRow, release)
        if chosen is None:
            raise Misuse(f"the box has no release {release.hex()}; see: updatebox box releases")
        offering.check_release(chosen, verified.request)
        return Choice(verified, chosen)


def _newest(transaction: Transaction, request: Request) -> ReleaseRow:
    offer = offering.offer(transaction, request)
    if offer.release is not None:
        return offer.release
    if offer.withheld is not None:
        raise Refusal(offer.withheld.code, offer.withheld.detail)
    raise Refusal(Code.ALREADY_INSTALLED, f"the box has nothing newer for {request.device_id}")


def _check_readable(request: Request, mode: Mode) -> None:
    if limits.FORMAT_VERSION not in request.formats or _cipher(mode) not in request.ciphers:
        raise Refusal(Code.UNSUPPORTED_FORMAT, f"{request.device_id} cannot read packages that are {mode}")


def _cipher(mode: Mode) -> Cipher:
    return Cipher.NONE if mode is Mode.SIGNED else Cipher.COBBLESTONE_256


def prepare(
    context: Context,
    volume: Volume,
    stack: ExitStack,
    choices: tuple[Choice, ...],
    session: Session,
    mode: Mode,
    *,
    whole: bool,
    ahead: bool = False,
) -> Delivery:
    """One package for the devices in `choices`, which get the same release; `stack` keeps its source open.

    Unless it is to be `whole`, chunks that all of them have are left out. One that is written `ahead` answers
    no request, and is whole: what the devices have by then nobody knows.
    """
    row = choices[0].release
    if any(choice.release.manifest_digest != row.manifest_digest for choice in choices):
        raise Misuse("devices that share a package must get the same release")
    lists = context.lists()
    source = stack.enter_context(context.store.package(row.package_id))
    package = PackageBytes(row.manifest, source.envelope())
    release = importing.admit(package, context.own, lists, context.now)
    requests = [choice.verified.request for choice in choices]
    return Delivery(
        package_id=delivery.new_package_id(volume),
        source=source,
        manifest=row.manifest,
        release=release,
        content_key=importing.content_key(release, context.own, context.tpm, session),
        targets=tuple(_target(context, choice.verified, ahead=ahead) for choice in choices),
        cipher=_cipher(mode),
        signer=context.own.signer(context.tpm, session.authorisation),
        issued_at=context.now.time,
        crl_numbers=lists.numbers(),
        selection=None if whole or ahead else reuse.select(context.store, release, source, requests),
    )


def make_room(context: Context, volume: Volume, orders: tuple[Delivery, ...]) -> tuple[str, ...]:
    """See that everything fits before anything is written. Refusal(medium-full).

    What a write left that was cut off goes first. Packages that `orders` supersede go now only where the
    room is needed; the folders that are returned may go afterwards.
    """
    tidying.remove(volume, tidying.unfinished(volume))
    devices = {device for order in orders for device in order.devices}
    superseded = tidying.superseded(volume, context.own.signing, devices)
    info = volume.info()
    needed = sum(delivery.room_for(order, info.cluster) for order in orders)
    needed += sum(len(der) + info.cluster for der in context.lists().ders)
    if needed > info.free + tidying.room_in(volume, superseded):
        raise Refusal(Code.MEDIUM_FULL, f"{needed} bytes are needed, {info.free} are free")
    if needed > info.free:
        tidying.remove(volume, superseded)
        return ()
    return superseded


def deliver(
    context: Context,
    volume: Volume,
    orders: tuple[Delivery, ...],
    report: Report,
    cancelled: Cancelled,
    enter: Callable[[], None],
) -> tuple[Written, ...]:
    """Write packages, read each back, `enter` them; all, or none where one of this fails or is cancelled."""
    written: list[Written] = []
    try:
        write_crls(volume, context.lists().ders)
        for order in orders:
            written.append(delivering.write(volume, order, report, cancelled))
        enter()
    except BaseException:
        delivering.withdraw(volume, written)
        raise
    return tuple(written)


def _target(context: Context, verified: VerifiedRequest, *, ahead: bool) -> Target:
    request, key = verified.request, verified.encryption.encryption
    assert key is not None
    with context.store.reading() as transaction:
        acknowledged = receipts.acknowledgement(transaction, request)
    binding = DeviceBinding(
        id=request.device_id,
        epoch=request.epoch,
        answers=None if ahead else Answer(nonce=request.nonce, counter=request.counter),
        acknowledges=acknowledged,
    )
    return Target(binding, key)
