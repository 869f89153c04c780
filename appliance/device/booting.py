"""Booting: the slot about to run is checked, or the device falls back to the release before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.device import confirming
from appliance.device.install import complete
from appliance.device.machine import Machine
from appliance.device.record import Pending
from appliance.device.reporting import Story, tell
from appliance.trust.manifest import verify_manifest
from media_format.errors import MachineFault, Misuse
from media_format.objects import Outcome
from media_format.refusal import Code, Refusal


@dataclass(frozen=True, slots=True)
class BootResult:
    """What boots. `fell_back` says why it is not what was meant to."""

    version: str | None
    banks: Mapping[str, int]
    on_trial: bool
    fell_back: Refusal | None


def verify_boot(machine: Machine) -> BootResult:
    """Check what is about to run, use up a try, and fall back where it is not right.

    Raises Refusal(slot-readback-mismatch) or another one where neither bank may run.
    """
    facts = machine.record.facts
    machine.record.update(boots=facts.boots + 1)
    if facts.returning:
        _return(machine)
    complete(machine)
    confirming.finish(machine)
    state = machine.boot.state()
    problem = _problem(machine, state.banks)
    if problem is None and state.tries == 0:
        problem = Refusal(Code.HEALTH_CHECK_FAILED, "the new release used up its boots without confirmation")
    if problem is not None:
        _fall_back(machine, problem)
    booted = machine.boot.boot()
    return BootResult(machine.version(), booted.running, booted.on_trial, problem)


def rollback(machine: Machine) -> str | None:
    """Go back to the banks before the last switch, as far as the floor allows; returns their version.

    Misuse where there is no way back, Refusal(rollback) where what is there may not boot any more.
    """
    confirming.finish(machine)
    state = machine.boot.state()
    if state.previous is None:
        raise Misuse("there is no release to go back to")
    problem = _problem(machine, state.previous)
    if problem is not None:
        raise problem
    machine.record.update(returning=True)
    _return(machine)
    return machine.version()


def _fall_back(machine: Machine, problem: Refusal) -> None:
    """Leave banks that may not run. The problem is raised where the others may not run either."""
    state = machine.boot.state()
    if state.previous is None or _problem(machine, state.previous) is not None:
        raise problem
    machine.record.update(returning=True, reason=problem.code)
    _return(machine, problem.detail)


def _return(machine: Machine, detail: str | None = None) -> None:
    """Finish a way back that was decided; may be cut off and done again.

    The outstanding request stays: the package that answers it may be tried again when someone asks.
    """
    facts, before = machine.record.facts, machine.version()
    outcome = Outcome.ROLLED_BACK if facts.reason is None else Outcome.FAILED
    machine.boot.fall_back()
    after, pending = machine.version(), facts.pending
    if pending is None:
        story = Story(outcome, code=facts.reason, detail=detail, version_before=before, version_after=after)
    else:
        machine.failures.remember(pending.release.manifest_digest)
        story = _story(pending, outcome, after, facts.reason, detail)
    tell(machine, story, returning=False, reason=None, pending=None)


def _problem(machine: Machine, banks: Mapping[str, int]) -> Refusal | None:
    """Why these banks may not run: signature, security floor, or content.

    Banks that no update has begun to write hold what the factory put there.
    """
    anchor, facts = machine.bundle().anchor, machine.record.facts
    contents, floor = machine.contents(banks), facts.security_floor
    known = {content.slot for content in contents}
    for slot, number in banks.items():
        bank = machine.slots.bank(slot, number).name
        if slot not in known and bank in facts.written:
            return Refusal(Code.SLOT_READBACK_MISMATCH, f"bank {bank} holds no whole release")
    if not contents and floor:
        return Refusal(Code.ROLLBACK, "what the factory installed is below the security floor")
    for digest in {content.manifest_digest for content in contents}:
        signed = machine.installed.manifest(digest)
        if signed is None:
            return Refusal(Code.SIGNATURE_INVALID, "the manifest of a slot is missing")
        try:
            verified = verify_manifest(signed, anchor)
        except Refusal as refusal:
            return refusal
        if verified.digest != digest:
            return Refusal(Code.SIGNATURE_INVALID, "the manifest of a slot is another one")
        if verified.manifest.index < floor:
            return Refusal(Code.ROLLBACK, f"release {verified.manifest.index} is below the security floor")
        digests = {component.name: component.digest for component in verified.manifest.components}
        if any(digests.get(c.component) != c.digest for c in contents if c.manifest_digest == digest):
            return Refusal(Code.SIGNATURE_INVALID, "a slot is not described by its manifest")
    try:
        right = machine.measures_right(contents)
    except MachineFault as fault:
        # A bank that fails to read is as wrong as one with other bytes: it must not stop the way back.
        return Refusal(Code.SLOT_READBACK_MISMATCH, str(fault))
    if not right:
        return Refusal(Code.SLOT_READBACK_MISMATCH, "a slot does not hold what the vendor signed")
    return None


def _story(
    pending: Pending,
    outcome: Outcome,
    after: str | None,
    code: Code | None = None,
    detail: str | None = None,
) -> Story:
    return Story(
        outcome,
        package_id=pending.package_id,
        manifest_digest=pending.release.manifest_digest,
        code=code,
        detail=detail,
        version_before=pending.version_before,
        version_after=after,
    )
