"""The verifier: whether a device may install a package. No input, no output, no clock.

Bytes, the device's state and what its clocks say go in; an `InstallPlan` comes out, or one named
refusal. The order of the checks is part of the meaning: each rests on the ones before it, and what is
said of a package is the first thing that is wrong with it.

 1. Bounds and encoding. Nothing is believed yet, so everything is bounded before it is decoded.
 2. Signatures and chains, the manifest's first, then the envelope's, without regard to dates: until
    bytes are known to be the vendor's or a box's, their dates mean nothing.
 3. Purposes: the keys that signed may sign just this. The envelope is for this manifest.
 4. Recipient: the package is for this device, protected as the policy demands, and answers its request.
 5. Trusted time, from the clocks or, for a device without one, from the answer just recognised, held
    against the floor and every date that the vendor signed.
 6. Dates, by that time: signers at creation, the sealer at issue, the package until its expiry; an answer
    is younger than its request.
 7. Revocation and its freshness, by that time, with the lists that came along.
 8. Key chain: no way back. Product and line first, because every line has its own.
 9. Compatibility: hardware, memory, what the package builds on.
10. Regions: only slots that updates may write, without overlap.
11. Space.

Steps 2 to 7 that a box takes as well stand in `appliance.trust.manifest` and `appliance.trust.envelope`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.trust.chain import expiry_warnings
from appliance.trust.clock import BOX, DAY, Reading, TrustedTime, moment, raised_floor, trusted_time
from appliance.trust.crl import RevocationLists
from appliance.trust.device_view import DeviceView
from appliance.trust.envelope import judge_revocation, judge_validity, verify_envelope
from appliance.trust.key_chain import KeyChain, judge_install
from appliance.trust.manifest import verify_manifest
from appliance.trust.slots import judge_regions, judge_space
from appliance.trust.verified_package import VerifiedPackage
from media_format.objects import (
    ChainHead,
    Cipher,
    Envelope,
    EnvelopeKind,
    Mode,
    Policy,
    Recipient,
    TrustAnchor,
)
from media_format.refusal import Code, Refusal


@dataclass(frozen=True, slots=True)
class PackageBytes:
    """A package as read from a medium: COSE objects, and the revocation lists found there. Not verified."""

    manifest: bytes
    envelope: bytes
    crls: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallPlan(VerifiedPackage):
    """A package that this device may install now. Made by `admit_package` only.

    `lists` and `time_floor`, the time that has surely passed, are to be kept by the device. `recipient` holds
    the wrapped content key; it is None for a package without encryption that names no device.
    """

    recipient: Recipient | None
    time: TrustedTime
    time_floor: int

    @property
    def head(self) -> ChainHead:
        """Where this release stands in the key chain."""
        return ChainHead(
            line=self.manifest.line, index=self.manifest.index, manifest_digest=self.manifest_digest
        )


def admit_package(
    package: PackageBytes,
    view: DeviceView,
    anchor: TrustAnchor,
    lists: RevocationLists,
    readings: Sequence[Reading],
) -> InstallPlan:
    """The verified plan, or the first refusal in the order this module's docstring states."""
    policy = anchor.policy
    release = verify_manifest(package.manifest, anchor)
    sealed = verify_envelope(package.envelope, release, anchor, EnvelopeKind.DELIVERY)
    envelope = sealed.envelope
    judge_protection(envelope, policy)
    recipient = find_recipient(envelope, view)
    answered = judge_answer(recipient, view, policy)
    known = lists.take(
        package.crls, (issuer for one in (*release.signers, sealed.sealer) for issuer in one.issuers)
    )
    dates = (release.manifest.created, *known.dates)
    now = judge_time(envelope, view, policy, readings, dates, answered=answered)
    judge_validity(release, sealed, now)
    if answered:
        judge_issue(envelope, view.asked_at)
    judge_revocation(release, sealed, known, now.time, policy, view.crl_numbers)
    plan = InstallPlan(
        release=release,
        envelope=envelope,
        sealer=sealed.sealer,
        recipient=recipient,
        time=now,
        time_floor=raised_floor(view.time_floor, now, dates),
        lists=known,
        warnings=expiry_warnings(sealed.sealer, now.time),
    )
    judge_key_chain(plan, view)
    judge_compatibility(plan, view)
    capacities = {slot: space.capacity for slot, space in view.slots.items()}
    judge_regions(plan.manifest, capacities)
    judge_space(plan.manifest, capacities)
    return plan


def judge_protection(envelope: Envelope, policy: Policy) -> None:
    """Whether the policy allows how the package is protected.

    Raises Refusal(unsupported-format) for one without encryption, or sealed for one device, where the policy
    does not name that mode; Refusal(not-for-this-device) for one that several devices share likewise.
    """
    if envelope.cipher is Cipher.NONE:
        mode, code = Mode.SIGNED, Code.UNSUPPORTED_FORMAT
    elif len(envelope.recipients) > 1:
        mode, code = Mode.SHARED, Code.NOT_FOR_THIS_DEVICE
    else:
        mode, code = Mode.SEALED, Code.UNSUPPORTED_FORMAT
    if mode not in policy.modes:
        raise Refusal(code, f"the policy of this fleet does not allow packages that are {mode}")


def find_recipient(envelope: Envelope, view: DeviceView) -> Recipient | None:
    """The recipient that is this device; None for a package without encryption that names no one.

    Raises Refusal(not-for-this-device) where none has its id, epoch and key, with exactly the layers that the
    key has: an envelope cannot offer a weaker wrap.
    """
    if not envelope.recipients:
        return None
    kems = () if envelope.cipher is Cipher.NONE else view.key.kems
    for recipient in envelope.recipients:
        device = recipient.device
        if (
            device is not None
            and (device.id, device.epoch, recipient.key_id) == (view.id, view.epoch, view.key.key_id)
            and tuple(wrap.kem for wrap in recipient.wraps) == kems
        ):
            return recipient
    raise Refusal(Code.NOT_FOR_THIS_DEVICE, "no recipient has the id, epoch and key of this device")


def judge_answer(recipient: Recipient | None, view: DeviceView, policy: Policy) -> bool:
    """Whether the package answers this device's own request.

    The nonce must be the outstanding one. A request may be written again with the same nonce and the next
    counter, so the answer to an earlier writing of it counts too.

    Raises Refusal(request-mismatch) for the answer to another request, and, unless the policy accepts them,
    for packages that answer none.
    """
    answers = recipient.device.answers if recipient and recipient.device else None
    if answers is None:
        if not policy.unrequested:
            raise Refusal(Code.REQUEST_MISMATCH, "the package answers no request")
        return False
    mine = view.outstanding
    if mine is None or answers.nonce != mine.nonce or answers.counter > mine.counter:
        raise Refusal(Code.REQUEST_MISMATCH, "the package answers another request than the outstanding one")
    return True


def judge_time(
    envelope: Envelope,
    view: DeviceView,
    policy: Policy,
    readings: Sequence[Reading],
    vendor_dates: Sequence[int],
    *,
    answered: bool,
) -> TrustedTime:
    """The trusted time: the device's own clocks first, and last, where the policy allows it, the box.

    The box's issue time counts only as the answer to this device's own recent nonce, because then it has been
    reached. Raises Refusal(time-untrusted) or (time-before-floor).
    """
    if policy.box_time and answered and view.proves_time:
        readings = (*readings, (BOX, envelope.issued_at))
    return trusted_time(readings, view.time_floor, policy.clock_horizon, vendor_dates)


def judge_issue(envelope: Envelope, asked_at: int) -> None:
    """Whether an answer was issued after it was asked for; otherwise an expired box could say that it was.

    The device's clock may run ahead of the box's by a day. Refusal(time-before-floor).
    """
    if envelope.issued_at < asked_at - DAY:
        detail = f"issued at {moment(envelope.issued_at)}, but it answers a request of {moment(asked_at)}"
        raise Refusal(Code.TIME_BEFORE_FLOOR, detail)


def judge_key_chain(plan: InstallPlan, view: DeviceView) -> None:
    """The rules of `appliance.trust.key_chain`, for a release of this device's own product and line."""
    manifest = plan.manifest
    if (manifest.product, manifest.line) != (view.product, view.line):
        detail = f"a release of product {manifest.product!r}, line {manifest.line!r}"
        raise Refusal(Code.INCOMPATIBLE_HARDWARE, detail)
    chain = KeyChain(view.security_floor, view.head, view.pending, view.failed, view.installed)
    judge_install(chain, plan.head, retry=view.retry)


def judge_compatibility(plan: InstallPlan, view: DeviceView) -> None:
    """Whether this device can work with the release.

    Raises Refusal(incompatible-hardware); (too-large) for chunks that its memory does not hold;
    (unsupported-format) where chunks are to come from the installed release and the device cannot do that,
    (wrong-base) where they are to come from another release.
    """
    manifest, present = plan.manifest, plan.envelope.present
    if view.hardware not in manifest.hardware:
        raise Refusal(Code.INCOMPATIBLE_HARDWARE, f"the release does not name hardware {view.hardware!r}")
    largest = max(component.chunk_size for component in manifest.components)
    if largest > view.largest_chunk:
        raise Refusal(Code.TOO_LARGE, f"chunks of {largest} bytes, this device holds {view.largest_chunk}")
    if present is not None and not view.reuse:
        raise Refusal(Code.UNSUPPORTED_FORMAT, "this device cannot take chunks from the installed release")
    if present is not None and present.base not in view.bases:
        detail = "the package builds on a release that this device does not run, or that was found wrong here"
        raise Refusal(Code.WRONG_BASE, detail)
