"""Taking over what others left on a medium: the vendor's releases, devices' requests and receipts."""

from __future__ import annotations

from pathlib import Path

from appliance.box import admission, importing, receipts, survey
from appliance.box.admission import Admission
from appliance.box.context import Context
from appliance.box.importing import ReleaseInfo
from appliance.box.judging import JudgedReceipt, JudgedRequest, judge_receipts, judge_requests
from appliance.box.machine import Machine
from appliance.box.receipts import CollectedReceipt
from appliance.box.users import Session
from appliance.trust.clock import raised_floor
from appliance.trust.verifier import PackageBytes
from media_format.package import PackageReader, list_packages
from media_format.progress import Report
from media_format.refusal import Code, Refusal


def import_releases(
    machine: Machine, source: Path, session: Session, report: Report
) -> tuple[ReleaseInfo, ...]:
    """As `BoxService.import_release`."""
    with machine.reading(source) as (context, volume), machine.store.importing():
        crls = machine.learn(context, volume)
        folders = [name for name in list_packages(volume) if survey.package(volume, name).kind != "delivery"]
        if not folders:
            raise Refusal(
                Code.TRUNCATED, f"{source} holds no whole release; name what `vendor release` wrote to"
            )
        taken, refusals = [], []
        for folder in folders:
            try:
                reader = PackageReader(volume, folder)
                taken.append(_import(machine, context, reader, crls, session, report))
            except Refusal as refusal:
                if refusal.code is Code.MEDIUM_PULLED:
                    raise
                refusals.append(refusal)
    mine = [refusal for refusal in refusals if refusal.code is not Code.NOT_FOR_THIS_DEVICE]
    for problem in mine or ([] if taken else refusals):
        raise problem
    return tuple(taken)


def admit(machine: Machine, medium: Path) -> tuple[Admission, ...]:
    """As `BoxService.admit`."""
    with machine.reading(medium) as (context, volume):
        machine.learn(context, volume)
        judged = judge_requests(context, volume)
    return tuple(_admit(machine, context, found) for found in judged)


def collect(machine: Machine, medium: Path) -> tuple[CollectedReceipt, ...]:
    """As `BoxService.collect`."""
    with machine.reading(medium) as (context, volume):
        machine.learn(context, volume)
        judged = judge_receipts(context, volume)
    return tuple(_collect(machine, context, found) for found in judged)


def _import(
    machine: Machine,
    context: Context,
    reader: PackageReader,
    crls: tuple[bytes, ...],
    session: Session,
    report: Report,
) -> ReleaseInfo:
    package = PackageBytes(reader.manifest(), reader.envelope(), crls)
    verified = importing.admit(package, context.own, context.lists(), context.now)
    with machine.store.reading() as transaction:
        known = importing.known(transaction, verified)
    if known is not None and machine.store.holds(known.package_id):
        return importing.info(known)
    key = importing.content_key(verified, context.own, machine.tpm, session)
    importing.copy_in(reader, package, verified, key, machine.store, report)
    manifest = verified.manifest
    with machine.acting(session, "import", f"{manifest.product} {manifest.version}") as transaction:
        row = importing.record(transaction, verified, package.manifest, context.now)
        machine.store.keep_lists(transaction, context.own.bundle, verified.lists)
        dates = (manifest.created, *verified.lists.dates)
        floor = raised_floor(machine.store.time_floor(), context.now, dates)
        machine.store.raise_time_floor(transaction, floor)
    return importing.info(row)


def _admit(machine: Machine, context: Context, found: JudgedRequest) -> Admission:
    """Remember a request; judged again, since another one may have come in between."""
    verified = found.verified
    if verified is None:
        return found.admission
    detail = f"{found.admission.device_id} request {found.admission.counter}"
    try:
        with machine.ledger.entry(context.now, "admit", detail) as transaction:
            admission.judge(transaction, verified, default_allowed=context.allow_by_default)
            admission.remember(transaction, verified, found.data, context.now.time)
            machine.store.keep_lists(transaction, context.own.bundle, verified.lists)
    except Refusal as refusal:
        return admission.refused(found.admission.file, verified, refusal)
    return found.admission


def _collect(machine: Machine, context: Context, found: JudgedReceipt) -> CollectedReceipt:
    """Keep a receipt; looked up again, since another one may have come in between."""
    collected, verified = found.collected, found.verified
    if verified is None or not collected.new:
        return collected
    receipt = verified.receipt
    detail = f"{receipt.device_id} receipt {receipt.counter}: {receipt.outcome.name.lower()}"
    try:
        with machine.ledger.entry(context.now, "collect", detail) as transaction:
            info, new = receipts.preview(transaction, verified, found.data, context.now.time)
            if new:
                info = receipts.keep(transaction, verified, found.data, context.now.time)
    except Refusal as refusal:
        return CollectedReceipt(collected.file, False, None, refusal.code, refusal.detail)
    return CollectedReceipt(collected.file, new, info)
