"""Installing an admitted package: into the banks that do not run, resumed where a cut left off."""

from __future__ import annotations

import dataclasses
import time

from appliance.device.base import wrong_base
from appliance.device.batches import check_presence
from appliance.device.flasher import Flasher
from appliance.device.installed import contents_of
from appliance.device.journal import Entry, Phase, targets
from appliance.device.machine import Machine
from appliance.device.numbering import Numbering
from appliance.device.pipeline import Pipeline, open_payload
from appliance.device.record import Pending
from appliance.device.reporting import Story, tell
from appliance.trust.verifier import InstallPlan
from media_format.objects import Outcome
from media_format.package import PackageReader
from media_format.payload.presence import Presence
from media_format.progress import Report
from media_format.refusal import Code, Refusal


def install(
    machine: Machine, plan: InstallPlan, manifest: bytes, reader: PackageReader, report: Report
) -> None:
    """Write, read back, switch the boot control, and leave a receipt.

    Raises the refusals of the pipeline and the flasher; what was written durably is resumed by the next
    try with the same release. Nothing that runs is touched. Chunks that the package does not hold are
    looked for in what runs before anything is written: Refusal(wrong-base). Refusal(health-check-failed)
    while the release that runs is on trial: the other banks are its way back.
    """
    began = time.monotonic()
    check_way_back(machine)
    running = machine.running()
    used = {component.slot for component in plan.manifest.components}
    banks = {slot: 1 - running[slot] for slot in used}
    payload = open_payload(plan, reader, machine.key, machine.open_layer)
    with Flasher(machine.slots, running, machine.bundle().anchor, machine.storage) as flasher:
        flasher.open(manifest)
        _build_on(machine, plan, flasher)
        check_presence(plan, reader, flasher, payload.length)
        entry = _begin(machine, plan, banks)

        def durable(done: int) -> None:
            machine.journal.write(dataclasses.replace(entry, done=done))

        flasher.start(entry.done)
        Pipeline(flasher, durable, report).run(plan, reader, payload, entry.done)
        _read_back(machine, flasher)
    total = Numbering(plan.manifest).total
    machine.journal.write(dataclasses.replace(entry, phase=Phase.WRITTEN, done=total))
    _switch(machine, plan, manifest, banks, began)


def complete(machine: Machine, began: float | None = None) -> None:
    """What follows the switch; done at the next start where a cut came between.

    The journal is cleared last: while it stands, the receipt may be missing.
    """
    pending, entry = machine.record.facts.pending, machine.journal.read()
    if pending is None or entry is None or not _is_switched(machine, pending, entry):
        return
    if not pending.reported:
        story = Story(
            Outcome.INSTALLED,
            package_id=pending.package_id,
            manifest_digest=pending.release.manifest_digest,
            version_before=pending.version_before,
            version_after=pending.version,
            began=began,
        )
        tell(machine, story, pending=dataclasses.replace(pending, reported=True))
    machine.refusals.tell(pending.package_id, Code.ALREADY_INSTALLED)
    for book in (machine.failures, machine.unfit):
        book.forget(pending.release.manifest_digest)
    machine.journal.clear()


def _is_switched(machine: Machine, pending: Pending, entry: Entry) -> bool:
    same = entry.manifest_digest == pending.release.manifest_digest
    switched = entry.banks.items() <= machine.boot.state().banks.items()
    return same and entry.phase is Phase.WRITTEN and switched


def check_way_back(machine: Machine) -> None:
    """Whether there are banks to write: Refusal(health-check-failed) while what runs is on trial."""
    state = machine.boot.state()
    if state.on_trial and state.booted:
        detail = f"{machine.version()} runs on trial; until it is confirmed nothing else is installed"
        raise Refusal(Code.HEALTH_CHECK_FAILED, detail)


def _build_on(machine: Machine, plan: InstallPlan, flasher: Flasher) -> None:
    """Open the release that the package builds on, as far as chunks come from it."""
    present = plan.envelope.present
    if present is None:
        return
    base = machine.installed.manifest(present.base)
    if base is None:
        raise wrong_base("the manifest of the release it builds on is missing")
    presence, numbering = Presence(present), Numbering(plan.manifest)
    flasher.build_on(
        base,
        [
            component.name
            for component in plan.manifest.components
            if not presence.holds(numbering.first(component), component.chunks)
        ],
    )


def _read_back(machine: Machine, flasher: Flasher) -> None:
    try:
        flasher.finish()
    except Refusal:
        # What the journal calls durable is not there: a retry begins from the first chunk.
        machine.journal.clear()
        raise


def _begin(machine: Machine, plan: InstallPlan, banks: dict[str, int]) -> Entry:
    """The journal's entry: the interrupted one if it is of this release and these banks, else a new one."""
    found = machine.journal.read()
    if found is not None and (found.manifest_digest, found.banks) == (plan.manifest_digest, banks):
        return dataclasses.replace(found, package_id=plan.envelope.package_id)
    _release_banks(machine, banks)
    entry = Entry(
        phase=Phase.WRITING,
        manifest_digest=plan.manifest_digest,
        package_id=plan.envelope.package_id,
        targets=targets(banks),
        done=0,
    )
    machine.journal.write(entry)
    return entry


def _release_banks(machine: Machine, banks: dict[str, int]) -> None:
    """Make sure that nothing boots these banks, or goes back to them, before they are whole."""
    if machine.boot.state().on_trial:
        machine.boot.fall_back()
    facts = machine.record.facts
    names = {machine.slots.bank(slot, number).name for slot, number in banks.items()}
    written = tuple(sorted({*facts.written, *names}))
    if facts.pending is not None or written != facts.written:
        machine.record.update(pending=None, written=written)
    machine.installed.forget(banks.items())


def _switch(
    machine: Machine, plan: InstallPlan, manifest: bytes, banks: dict[str, int], began: float
) -> None:
    """What follows the reading back. Each step may be cut off and done again."""
    machine.installed.put(
        contents_of(plan.manifest, plan.manifest_digest, banks), plan.manifest_digest, manifest
    )
    pending = Pending(
        release=plan.head,
        security_floor=plan.manifest.security_floor,
        package_id=plan.envelope.package_id,
        version=plan.manifest.version,
        version_before=machine.version(),
        reported=False,
    )
    if machine.record.facts.pending != pending:
        machine.record.update(pending=pending)
    machine.boot.try_banks(banks, machine.configuration.boot_tries)
    complete(machine, began)
