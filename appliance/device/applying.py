"""Applying a medium: judge every package on it, install the best one that is for this device, report."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from appliance.device import confirming, directives, reporting, reuse
from appliance.device.directives import DirectiveResult
from appliance.device.install import complete, install
from appliance.device.machine import Machine
from appliance.device.reporting import Story
from appliance.trust.chain import verify_chain
from appliance.trust.purpose import Purpose
from appliance.trust.verifier import (
    DeviceView,
    InstallPlan,
    PackageBytes,
    SlotSpace,
    addressed_to,
    admit_package,
)
from media_format import cose
from media_format.crl_files import read_crls
from media_format.objects import Envelope, EnvelopeKind, Outcome
from media_format.package import PackageReader, list_packages
from media_format.progress import Report
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume

_FAILURES = (Code.SLOT_READBACK_MISMATCH, Code.BOOT_CONTROL_FAILED)
"""The device's own faults: the release is not tried again until someone asks."""
_ANSWERLESS = (Code.MEDIUM_PULLED, Code.MEDIUM_UNREADABLE)
"""The medium does not answer: there is nothing to judge, and what was begun is resumed."""

_ATTEMPTS: Final = 3
"""Packages of one medium that may begin to write a bank and break off."""


@dataclass(frozen=True, slots=True)
class PackageResult:
    """What became of one package on a medium. `outcome` is None for a dry run that found nothing wrong."""

    folder: str
    addressed: bool
    devices: tuple[str, ...]
    """Whom the envelope names; not verified."""
    outcome: Outcome | None
    code: Code | None
    detail: str
    version: str | None
    package_id: bytes | None


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What became of a medium."""

    packages: tuple[PackageResult, ...]
    receipts: int
    """Receipts that were written to it."""
    requested: bool
    """Whether a fresh request was written to it."""
    directives: tuple[DirectiveResult, ...] = ()
    """What became of the vendor's orders to this device."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A package that may be installed."""

    reader: PackageReader
    plan: InstallPlan
    manifest: bytes


def apply(machine: Machine, volume: Volume, *, dry_run: bool, retry: bool, report: Report) -> ApplyResult:
    """Judge and install. Raises Refusal(medium-*) when the medium stops answering, and Refusal(tpm-*).

    Directives come first: they may be what a package needs to be believed.
    Newer revocation lists are kept whatever is said of the packages: a stick without them would
    otherwise bring back what they revoke.
    """
    crls = read_crls(volume)
    if not dry_run:
        complete(machine)
        confirming.finish(machine)
    orders = directives.take(machine, volume, crls, dry_run=dry_run)
    if not dry_run:
        machine.keep_lists(machine.lists().take(crls))
    measured = _Measured(machine)
    candidates: list[_Candidate] = []
    results: list[PackageResult] = []
    for folder in list_packages(volume):
        judged = _judge(machine, volume, folder, crls, measured, retry=retry, dry_run=dry_run)
        if isinstance(judged, PackageResult):
            results.append(judged)
        else:
            candidates.append(judged)
    candidates.sort(key=lambda candidate: candidate.plan.manifest.index, reverse=True)
    if dry_run:
        results += [_result(candidate, None) for candidate in candidates]
        return ApplyResult(tuple(results), 0, False, orders)
    results += _install_best(machine, candidates, report)
    written = reporting.write_reports(machine, volume)
    news = bool(written) or any(order.code is None for order in orders)
    if news:
        reporting.ask(machine, volume)
    return ApplyResult(tuple(results), written, news, orders)


class _Measured:
    """Which release stands whole in the banks that boot next, and which ones run.

    It is found out once for all the packages on a medium: any stranger can name a release in thousands.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._right: dict[bytes, bool] = {}
        self._bases: frozenset[bytes] | None = None

    def bases(self) -> frozenset[bytes]:
        """The releases that chunks may be taken from."""
        if self._bases is None:
            self._bases = reuse.bases(self._machine)
        return self._bases

    def holds(self, manifest_digest: bytes) -> bool:
        """Whether all of a release's components are there, and are what the vendor signed."""
        if manifest_digest not in self._right:
            machine = self._machine
            contents = machine.contents(machine.boot.state().banks)
            own = tuple(content for content in contents if content.manifest_digest == manifest_digest)
            if not own:
                return False
            names = frozenset(content.component for content in own)
            whole = names == machine.installed.components(manifest_digest)
            self._right[manifest_digest] = whole and machine.measures_right(own)
        return self._right[manifest_digest]


def _judge(
    machine: Machine,
    volume: Volume,
    folder: str,
    crls: tuple[bytes, ...],
    measured: _Measured,
    *,
    retry: bool,
    dry_run: bool,
) -> PackageResult | _Candidate:
    reader = PackageReader(volume, folder)
    addressed, envelope, named = False, b"", None
    try:
        envelope = reader.envelope()
        addressed = addressed_to(envelope, machine.configuration.id)
        named = _named(envelope)
        manifest = reader.manifest()
        _leave_alone(machine, named, measured, retry=retry)
        package = PackageBytes(manifest, envelope, crls)
        view = _view(machine, named, measured, retry=retry)
        plan = admit_package(package, view, machine.bundle().anchor, machine.lists(), machine.readings())
        return _Candidate(reader, plan, manifest)
    except Refusal as refusal:
        if refusal.code in _ANSWERLESS:
            raise
        story = Story(
            Outcome.REFUSED,
            package_id=named.package_id if named else None,
            manifest_digest=named.manifest_digest if named else None,
            code=refusal.code,
            detail=refusal.detail,
            version_before=machine.version(),
            version_after=machine.version(),
        )
        if not dry_run:
            _tell(machine, story, envelope if addressed else None)
        return PackageResult(
            folder=folder,
            addressed=addressed,
            devices=_devices(named),
            outcome=Outcome.REFUSED,
            code=refusal.code,
            detail=refusal.detail,
            version=None,
            package_id=story.package_id,
        )


def _tell(machine: Machine, story: Story, envelope: bytes | None) -> None:
    """Leave a receipt where the envelope is addressed to this device; None is counted."""
    assert story.code is not None
    if envelope is None:
        machine.refusals.count([story.code])
    else:
        reporting.tell_refusal(machine, story, verified=_from_a_box(machine, envelope))


def _from_a_box(machine: Machine, envelope: bytes) -> bool:
    """Whether a box of the vendor's signed an envelope, dates and revocation apart."""
    try:
        signature = cose.read_sign1(envelope, Envelope.CONTENT_TYPE, Envelope.LIMIT).signatures[0]
        box = verify_chain(signature.chain, machine.bundle().anchor, Purpose.BOX_IDENTITY)
        signature.verify(box.key)
    except Refusal:
        return False
    return True


def _install_best(machine: Machine, candidates: list[_Candidate], report: Report) -> list[PackageResult]:
    """Install the first candidate that can be; a copy of a package that was refused is only counted.

    Every try rewrites a bank, and a package's payload is known to be bad only after it: tries are few.
    """
    results: list[PackageResult] = []
    refused: dict[bytes, Code] = {}
    for candidate in candidates:
        known = refused.get(candidate.plan.envelope.package_id)
        if known is not None:
            machine.refusals.count([known])
            copy = Refusal(known, "a copy of a package that was refused")
            results.append(_result(candidate, Outcome.REFUSED, copy))
            continue
        if len(refused) == _ATTEMPTS:
            break
        result = _install(machine, candidate, report)
        results.append(result)
        if result.outcome is not Outcome.REFUSED or result.code is None:
            break
        refused[candidate.plan.envelope.package_id] = result.code
    return results


def _install(machine: Machine, candidate: _Candidate, report: Report) -> PackageResult:
    plan, began, before = candidate.plan, time.monotonic(), machine.version()
    _take_over(machine, plan)
    try:
        install(machine, plan, candidate.manifest, candidate.reader, report)
    except Refusal as refusal:
        if refusal.code in _ANSWERLESS:
            raise
        if refusal.code is Code.WRONG_BASE and plan.envelope.present is not None:
            # The request that follows does not offer this base, so the next package holds every chunk.
            machine.unfit.remember(plan.envelope.present.base)
        failed = refusal.code in _FAILURES
        outcome = Outcome.FAILED if failed else Outcome.REFUSED
        if failed:
            machine.failures.remember(plan.manifest_digest)
        story = Story(
            outcome,
            package_id=plan.envelope.package_id,
            manifest_digest=plan.manifest_digest,
            code=refusal.code,
            detail=refusal.detail,
            version_before=before,
            version_after=before,
            began=began,
        )
        reporting.tell_refusal(machine, story, verified=True)
        return _result(candidate, outcome, refusal)
    return _result(candidate, Outcome.INSTALLED)


def _take_over(machine: Machine, plan: InstallPlan) -> None:
    """Keep what an admitted package teaches: newer revocation lists, passed time, receipts that arrived."""
    machine.keep_lists(plan.lists)
    if plan.time_floor > machine.record.facts.time_floor:
        machine.record.update(time_floor=plan.time_floor)
    device = plan.recipient.device if plan.recipient else None
    acknowledged = device.acknowledges if device else None
    if acknowledged is not None and machine.receipts.acknowledge(acknowledged):
        machine.refusals.reset()


def _result(candidate: _Candidate, outcome: Outcome | None, refusal: Refusal | None = None) -> PackageResult:
    plan = candidate.plan
    return PackageResult(
        folder=candidate.reader.folder,
        addressed=True,
        devices=_devices(plan.envelope),
        outcome=outcome,
        code=refusal.code if refusal else None,
        detail=refusal.detail if refusal else "",
        version=plan.manifest.version,
        package_id=plan.envelope.package_id,
    )


def _named(envelope: bytes) -> Envelope | None:
    """The envelope, unverified: used to name the package in a receipt, decides nothing."""
    try:
        signed = cose.read_sign1(envelope, Envelope.CONTENT_TYPE, Envelope.LIMIT)
        return Envelope.from_bytes(signed.payload)
    except Refusal:
        return None


def _devices(envelope: Envelope | None) -> tuple[str, ...]:
    recipients = envelope.recipients if envelope else ()
    return tuple(recipient.device.id for recipient in recipients if recipient.device)


def _leave_alone(machine: Machine, named: Envelope | None, measured: _Measured, *, retry: bool) -> None:
    """Say of a package what its unverified envelope is enough for: that there is nothing to do with it.

    Raises Refusal(not-for-this-device) for a release that is for boxes, and Refusal(already-installed) for a
    package that was installed here: a stick that stays in the port makes neither a loop nor a receipt.
    """
    if named is None:
        return
    if named.kind is EnvelopeKind.RELEASE:
        raise Refusal(Code.NOT_FOR_THIS_DEVICE, "a release for update boxes; take it to the box")
    told = machine.refusals.was_told(named.package_id, Code.ALREADY_INSTALLED)
    if told and not retry and measured.holds(named.manifest_digest):
        raise Refusal(Code.ALREADY_INSTALLED, "this package was installed here before")


def _view(machine: Machine, named: Envelope | None, measured: _Measured, *, retry: bool) -> DeviceView:
    """What the verifier must know of the device."""
    facts, configuration = machine.record.facts, machine.configuration
    policy = machine.bundle().anchor.policy
    pending = facts.pending.release if facts.pending else None
    same_boot = facts.boots == facts.nonce_boots
    young = facts.boots - facts.nonce_boots <= policy.nonce_boots and not (
        same_boot and reporting.uptime() - facts.nonce_uptime > policy.nonce_uptime
    )
    return DeviceView(
        id=configuration.id,
        epoch=facts.epoch,
        product=configuration.product,
        line=configuration.line,
        hardware=configuration.hardware,
        key=machine.key,
        slots={slot: SlotSpace(machine.slots.capacity(slot)) for slot in machine.slots.names},
        largest_chunk=configuration.largest_chunk,
        time_floor=facts.time_floor,
        security_floor=facts.security_floor,
        head=facts.head(configuration.line),
        pending=pending,
        failed=machine.failures.all(),
        installed=named.manifest_digest if named and measured.holds(named.manifest_digest) else None,
        outstanding=facts.outstanding,
        proves_time=young,
        retry=retry,
        repair=retry,
        reuse=configuration.reuse,
        bases=measured.bases(),
    )
