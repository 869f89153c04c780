"""Dispatching: which release a device gets, and sealing it for the devices that share a package."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from appliance.box import admission, delivery, importing, receipts
from appliance.box.context import Context
from appliance.box.delivery import Cancelled, Delivery, Target, Written
from appliance.box.schema import DeviceRow, ReleaseRow
from appliance.box.users import Session
from appliance.trust.request import VerifiedRequest, admit_request
from appliance.trust.verifier import PackageBytes
from media_format.errors import Misuse
from media_format.objects import Answer, Cipher, DeviceBinding, Mode
from media_format.progress import Report
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume


@dataclass(frozen=True, slots=True)
class Choice:
    """A device's newest admitted request and the release it gets."""

    verified: VerifiedRequest
    release: ReleaseRow


def choose(context: Context, device: str, release: bytes | None) -> Choice:
    """Judge a device's newest request again and choose its release: the named one, or the newest for it.

    Raises Misuse for devices and releases that are not known, Refusal(already-installed) where there is
    nothing newer, and the refusals of admission.
    """
    with context.store.reading() as transaction:
        row = transaction.scalars(
            select(DeviceRow).where(DeviceRow.id == device).order_by(DeviceRow.epoch.desc()).limit(1)
        ).first()
        if row is None or not row.request:
            raise Misuse(f"no request of the device {device!r} was admitted; admit the medium it wrote first")
        verified = admit_request(row.request, context.anchor, context.lists(), context.now.time)
        admission.judge(transaction, verified, default_allowed=context.allow_by_default)
        if release is not None:
            named = transaction.get(ReleaseRow, release)
            if named is None:
                raise Misuse(f"the box has no release {release.hex()}; see: updatebox box releases")
            admission.check_release(named, verified.request)
            return Choice(verified, named)
        newest = admission.newest_release(transaction, verified.request)
        if newest is None:
            raise Refusal(Code.ALREADY_INSTALLED, f"the box has nothing newer for {device}")
        admission.check_release(newest, verified.request)
        return Choice(verified, newest)


def deliver(
    context: Context,
    volume: Volume,
    choices: tuple[Choice, ...],
    session: Session,
    mode: Mode,
    report: Report,
    cancelled: Cancelled,
) -> Written:
    """Write one package for the devices in `choices`, which get the same release."""
    row = choices[0].release
    if any(choice.release.manifest_digest != row.manifest_digest for choice in choices):
        raise Misuse("devices that share a package must get the same release")
    lists = context.lists()
    with context.store.package(row.package_id) as source:
        package = PackageBytes(row.manifest, source.envelope())
        release = importing.admit(package, context.own, lists, context.now)
        order = Delivery(
            source=source,
            release=release,
            content_key=importing.content_key(release, context.own, context.tpm, session),
            targets=tuple(_target(context, choice.verified) for choice in choices),
            cipher=Cipher.NONE if mode is Mode.SIGNED else Cipher.COBBLESTONE_256,
            signer=context.own.signer(context.tpm, session.authorisation),
            issued_at=context.now.time,
            crl_numbers=lists.numbers(),
        )
        return delivery.write(volume, order, report, cancelled)


def _target(context: Context, verified: VerifiedRequest) -> Target:
    request, key = verified.request, verified.encryption.encryption
    assert key is not None
    with context.store.reading() as transaction:
        acknowledged = receipts.acknowledgement(transaction, request.device_id, request.epoch)
    binding = DeviceBinding(
        id=request.device_id,
        epoch=request.epoch,
        answers=Answer(nonce=request.nonce, counter=request.counter),
        acknowledges=acknowledged,
    )
    return Target(binding, key)
