"""Installing an admitted package: into the banks that do not run, resumed where a cut left off."""

from __future__ import annotations

import dataclasses
import time

from appliance.device.flasher import Flasher
from appliance.device.installed import BankContent
from appliance.device.journal import Entry, Phase, targets
from appliance.device.machine import Machine
from appliance.device.numbering import Numbering
from appliance.device.pipeline import Pipeline, open_payload
from appliance.device.record import Pending
from appliance.device.reporting import Story, tell
from appliance.trust.verifier import InstallPlan
from media_format.objects import Outcome
from media_format.package import PackageReader
from media_format.progress import Report


def install(
    machine: Machine, plan: InstallPlan, manifest: bytes, reader: PackageReader, report: Report
) -> None:
    """Write, read back, switch the boot control, and leave a receipt.

    Raises the refusals of the pipeline and the flasher; what was written durably is resumed by the next
    try with the same release. Nothing that runs is touched.
    """
    began = time.monotonic()
    running = machine.running()
    used = {component.slot for component in plan.manifest.components}
    banks = {slot: 1 - running[slot] for slot in used}
    entry = _begin(machine, plan, banks)
    payload = open_payload(plan, reader, machine.key, machine.open_layer)

    def durable(done: int) -> None:
        machine.journal.write(dataclasses.replace(entry, done=done))

    with Flasher(machine.slots, running, machine.bundle().anchor, machine.storage) as flasher:
        flasher.open(manifest, entry.done)
        Pipeline(flasher, durable, report).run(plan, reader, payload, entry.done)
        flasher.finish()
    total = Numbering(plan.manifest).total
    machine.journal.write(dataclasses.replace(entry, phase=Phase.WRITTEN, done=total))
    _switch(machine, plan, manifest, banks, began)


def _begin(machine: Machine, plan: InstallPlan, banks: dict[str, int]) -> Entry:
    """The journal's entry: the interrupted one if it is of this release and these banks, else a new one."""
    found = machine.journal.read()
    if found is not None and (found.manifest_digest, found.banks) == (plan.manifest_digest, banks):
        return dataclasses.replace(found, package_id=plan.envelope.package_id)
    machine.installed.forget(banks.items())
    entry = Entry(
        phase=Phase.WRITING,
        manifest_digest=plan.manifest_digest,
        package_id=plan.envelope.package_id,
        targets=targets(banks),
        done=0,
    )
    machine.journal.write(entry)
    return entry


def _switch(
    machine: Machine, plan: InstallPlan, manifest: bytes, banks: dict[str, int], began: float
) -> None:
    """What follows the reading back. Each step may be cut off and done again."""
    before = machine.version()
    machine.installed.put(_contents(plan, banks), plan.manifest_digest, manifest)
    pending = Pending(
        release=plan.head,
        security_floor=plan.manifest.security_floor,
        package_id=plan.envelope.package_id,
        version=plan.manifest.version,
        version_before=before,
        reported=False,
    )
    known = machine.record.facts.pending
    if known is None or dataclasses.replace(known, reported=False) != pending:
        machine.record.update(pending=pending)
    machine.boot.try_banks(banks, machine.configuration.boot_tries)
    if not _reported(machine):
        tell(
            machine,
            Story(
                Outcome.INSTALLED,
                package_id=pending.package_id,
                manifest_digest=plan.manifest_digest,
                version_before=before,
                version_after=pending.version,
                began=began,
            ),
        )
        machine.record.update(pending=dataclasses.replace(pending, reported=True))
    machine.failures.forget(plan.manifest_digest)
    machine.journal.clear()


def _reported(machine: Machine) -> bool:
    pending = machine.record.facts.pending
    return pending is not None and pending.reported


def _contents(plan: InstallPlan, banks: dict[str, int]) -> tuple[BankContent, ...]:
    manifest = plan.manifest
    return tuple(
        BankContent(
            slot=component.slot,
            bank=banks[component.slot],
            component=component.name,
            version=manifest.version,
            index=manifest.index,
            manifest_digest=plan.manifest_digest,
            offset=component.offset,
            size=component.size,
            digest=component.digest,
        )
        for component in manifest.components
    )
