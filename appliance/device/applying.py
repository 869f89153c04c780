"""Applying a medium: judge every package on it, install the best one that is for this device, report."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from appliance.device import confirming, directives, judging, reporting
from appliance.device.batches import prove
from appliance.device.install import check_way_back, complete, install
from appliance.device.judging import ANSWERLESS, Candidate, PackageResult
from appliance.device.machine import Machine
from appliance.device.pipeline import open_payload
from appliance.device.reporting import Story
from appliance.trust.directive_result import DirectiveResult
from appliance.trust.verifier import InstallPlan
from media_format.crl_files import read_crls
from media_format.objects import Outcome
from media_format.progress import Report
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume

_FAILURES = (Code.SLOT_READBACK_MISMATCH, Code.BOOT_CONTROL_FAILED)
"""The device's own faults: the release is not tried again until someone asks."""
_PROVED: Final = 8
"""Packages of one medium that are read through because one before them was refused midway."""


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
    candidates, results = judging.judge(machine, volume, crls, retry=retry, dry_run=dry_run)
    candidates.sort(key=lambda candidate: candidate.plan.manifest.index, reverse=True)
    if dry_run:
        results += [_looked_at(machine, candidate) for candidate in candidates]
        return ApplyResult(tuple(results), 0, False, orders)
    results += _install_best(machine, candidates, report)
    written = reporting.write_reports(machine, volume)
    news = bool(written) or any(order.code is None for order in orders)
    if news:
        reporting.ask(machine, volume)
    return ApplyResult(tuple(results), written, news, orders)


def _looked_at(machine: Machine, candidate: Candidate) -> PackageResult:
    """What can be said without reading the payload: that its files are all there, and the key opens it."""
    try:
        check_way_back(machine)
        open_payload(candidate.plan, candidate.reader, machine.key, machine.open_layer)
    except Refusal as refusal:
        if refusal.code in ANSWERLESS:
            raise
        return _result(candidate, Outcome.REFUSED, refusal)
    return _result(candidate, None)


def _install_best(machine: Machine, candidates: list[Candidate], report: Report) -> list[PackageResult]:
    """Install the first candidate that can be.

    A payload is known to be bad only once a bank was written. So after a refusal the packages that are left
    are read through before they may touch a bank: tampered ones neither wear it out nor hide a good one. A
    copy of a package that was refused may be the good one; where it is not, it is only counted.
    """
    results: list[PackageResult] = []
    refused: set[bytes] = set()
    for number, candidate in enumerate(candidates[: 1 + _PROVED]):
        result = _install(machine, candidate, report, proved=number > 0)
        results.append(result)
        if result.outcome is not Outcome.REFUSED or result.code is None:
            break
        if candidate.plan.envelope.package_id in refused:
            machine.refusals.count([result.code])
        refused.add(candidate.plan.envelope.package_id)
    return results


def _install(machine: Machine, candidate: Candidate, report: Report, *, proved: bool) -> PackageResult:
    plan, began, before = candidate.plan, time.monotonic(), machine.version()
    _take_over(machine, plan)
    try:
        if proved:
            payload = open_payload(plan, candidate.reader, machine.key, machine.open_layer)
            prove(plan, candidate.reader, payload, report)
        install(machine, plan, candidate.manifest, candidate.reader, report)
    except Refusal as refusal:
        if refusal.code in ANSWERLESS:
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


def _result(candidate: Candidate, outcome: Outcome | None, refusal: Refusal | None = None) -> PackageResult:
    plan = candidate.plan
    return PackageResult(
        folder=candidate.reader.folder,
        addressed=True,
        devices=judging.devices(plan.envelope),
        outcome=outcome,
        code=refusal.code if refusal else None,
        detail=refusal.detail if refusal else "",
        version=plan.manifest.version,
        package_id=plan.envelope.package_id,
    )
