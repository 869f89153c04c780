"""Booting: the slot about to run is checked, or the device falls back to the release before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.device import confirming
from appliance.device.bootable import find_problem
from appliance.device.install import complete
from appliance.device.machine import Machine
from appliance.device.record import Pending
from appliance.device.reporting import Story, tell
from media_format.errors import Misuse
from media_format.objects import Outcome
from media_format.refusal import Code, Refusal


@dataclass(frozen=True, slots=True)
class BootResult:
    """What boots. `fell_back` says why it is not what was meant to.

    `confirmed` is the index of the release confirmed last, where what boots is older than that.
    """

    version: str | None
    banks: Mapping[str, int]
    on_trial: bool
    fell_back: Refusal | None
    confirmed: int | None = None


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
    problem = find_problem(machine, state.banks)
    if problem is None and state.tries == 0:
        problem = Refusal(Code.HEALTH_CHECK_FAILED, "the new release used up its boots without confirmation")
    if problem is not None:
        _fall_back(machine, problem)
    booted = machine.boot.boot()
    newer = _newer_confirmed(machine, booted.running)
    return BootResult(machine.version(), booted.running, booted.on_trial, problem, newer)


def rollback(machine: Machine) -> str | None:
    """Go back to the banks before the last switch, as far as the floor allows; returns their version.

    Misuse where there is no way back, Refusal(rollback) where what is there may not boot any more.
    """
    confirming.finish(machine)
    state = machine.boot.state()
    if state.previous is None:
        raise Misuse("there is no release to go back to")
    problem = find_problem(machine, state.previous)
    if problem is not None:
        raise problem
    machine.record.update(returning=True)
    _return(machine)
    return machine.version()


def _newer_confirmed(machine: Machine, banks: Mapping[str, int]) -> int | None:
    """The index of the release confirmed last, where these banks hold nothing as new."""
    head = machine.record.facts.head(machine.configuration.line)
    newest = max((content.index for content in machine.contents(banks)), default=0)
    return head.index if head is not None and newest < head.index else None


def _fall_back(machine: Machine, problem: Refusal) -> None:
    """Leave banks that may not run. The problem is raised where the others may not run either."""
    state = machine.boot.state()
    if state.previous is None or find_problem(machine, state.previous) is not None:
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
