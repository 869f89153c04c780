"""Directives: the vendor's orders to this device, taken from a medium before its packages are judged."""

from __future__ import annotations

from appliance.device import renewal
from appliance.device.machine import Machine
from appliance.device.reporting import believed_time
from appliance.trust.directive import Target, VerifiedDirective, admit_directive
from appliance.trust.directive_result import DirectiveResult, followed
from appliance.trust.profile import RoleIdentity
from appliance.trust.renewal import lowered_floor
from media_format.directive_files import MAX_FILE, DirectiveFile, directives_for
from media_format.objects import Order, Role
from media_format.volume.seam import Volume


def take(
    machine: Machine, volume: Volume, crls: tuple[bytes, ...], *, dry_run: bool
) -> tuple[DirectiveResult, ...]:
    """Act on the directives for this device, in the order of their sequences; judge only with `dry_run`.

    Raises Refusal(medium-*) when the medium stops answering.
    """
    configuration = machine.configuration
    files = directives_for(volume, Role.DEVICE, configuration.id, configuration.epoch)
    return tuple(_take(machine, volume, file, crls, dry_run=dry_run) for file in files)


def _take(
    machine: Machine, volume: Volume, file: DirectiveFile, crls: tuple[bytes, ...], *, dry_run: bool
) -> DirectiveResult:
    def act() -> None:
        data = volume.read_object(file.path, MAX_FILE)
        _act(machine, _admit(machine, data, crls), dry_run=dry_run)

    return followed(file, act)


def _admit(machine: Machine, data: bytes, crls: tuple[bytes, ...]) -> VerifiedDirective:
    facts = machine.record.facts
    own = RoleIdentity(machine.configuration.id, facts.epoch)
    target = Target(Role.DEVICE, own, facts.directive, facts.crl_numbers)
    return admit_directive(
        data, target, machine.bundle().anchor, machine.lists(), believed_time(machine), crls
    )


def _act(machine: Machine, verified: VerifiedDirective, *, dry_run: bool) -> None:
    """Do what is ordered, then count it. After a cut in between it is done again, which changes nothing."""
    directive, facts = verified.directive, machine.record.facts
    floor, asked_at, bundle = facts.time_floor, facts.asked_at, machine.bundle()
    if directive.order is Order.TIME_FLOOR:
        floor = lowered_floor(verified, floor, bundle)
        asked_at = min(asked_at, floor)  # the same wrong clock said when the request was written
    else:
        bundle = renewal.ordered(machine, verified)
    if dry_run:
        return
    if bundle != machine.bundle():
        machine.keep_bundle(bundle)
    machine.record.update(time_floor=floor, asked_at=asked_at, directive=directive.sequence)
