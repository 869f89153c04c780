"""Taking over the releases that a vendor left on a medium, or in a directory."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from appliance.box import importing, retiring, room, survey
from appliance.box.context import Context
from appliance.box.importing import ReleaseInfo
from appliance.box.machine import Machine
from appliance.box.pulled import raise_if_pulled
from appliance.box.users import Session
from appliance.trust.clock import raised_floor
from appliance.trust.verifier import PackageBytes
from media_format.errors import Misuse
from media_format.package import PackageReader, list_packages
from media_format.progress import Progress, Report
from media_format.refusal import Code, Refusal

_CHECK: Final = "check"


def import_releases(
    machine: Machine, source: Path, session: Session, report: Report
) -> tuple[ReleaseInfo, ...]:
    """As `BoxService.import_release`."""
    machine.check_session(session)
    with machine.reading(source) as (context, volume), machine.store.importing():
        crls = machine.learn(context, volume)
        retiring.collect_garbage(machine)
        folders = [name for name in list_packages(volume) if survey.package(volume, name).kind != "delivery"]
        if not folders:
            raise Misuse(
                f"{source} holds no release; name a directory that `updatebox vendor release` wrote to, "
                "or the medium that it was copied to"
            )
        taken, refusals = [], []
        for folder in folders:
            try:
                reader = PackageReader(volume, folder)
                taken.append(_import(machine, context, reader, crls, session, report))
            except Refusal as refusal:
                raise_if_pulled(refusal)
                refusals.append(refusal)
    mine = [refusal for refusal in refusals if refusal.code is not Code.NOT_FOR_THIS_DEVICE]
    for problem in mine or ([] if taken else refusals):
        raise problem
    return tuple(taken)


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
    if known is not None and known.retired is None and _is_intact(machine, known.package_id, report):
        return importing.info(known)
    key = importing.content_key(verified, context.own, machine.tpm, session)
    # What lies there is damaged, or its release was retired while somebody read it.
    machine.store.sealed.remove(verified.envelope.package_id.hex(), wait=True)
    room.check(machine, importing.size(package, verified))
    files = importing.copy_in(reader, package, verified, key, machine.store, report)
    manifest = verified.manifest
    with machine.acting(session, "import", f"{manifest.product} {manifest.version}") as transaction:
        row = importing.record(transaction, verified, package.manifest, files, context.now)
        machine.store.keep_lists(transaction, context.own.bundle, verified.lists)
        dates = (manifest.created, *verified.lists.dates)
        floor = raised_floor(machine.store.time_floor(), context.now, dates)
        machine.store.raise_time_floor(transaction, floor)
    return importing.info(row)


def _is_intact(machine: Machine, package_id: bytes, report: Report) -> bool:
    """Whether every byte of a package that the store has is as it was written: importing again repairs it."""
    files = machine.store.kept_files(package_id)
    total, done = sum(file.size for file in files), 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        report(Progress(_CHECK, done, total))

    return bool(files) and machine.store.sealed.is_intact(package_id, files, advance)
