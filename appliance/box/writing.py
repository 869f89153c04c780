"""Writing a medium: who gets which release, sealed, written, read back, and entered in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from appliance.box import collecting, dispatch, fleet, tidying
from appliance.box.delivering import Cancelled, Written
from appliance.box.delivery import Delivery
from appliance.box.machine import Machine
from appliance.box.users import Session
from appliance.trust.chain import judge_dates
from media_format.errors import MachineFault, Misuse
from media_format.objects import Mode
from media_format.progress import Report
from media_format.refusal import Code, Refusal

_WRITTEN: Final = "write"
"""The act of a package that stands on the medium."""


@dataclass(frozen=True, slots=True)
class WriteOrder:
    """What a person wants written: for whom, which release (None: the newest for each), in which mode.

    A `whole` package holds every chunk, also those that its devices have. One that is written `ahead` answers
    no request: the devices need not have asked for it, as long as they once asked here.
    """

    devices: tuple[str, ...]
    release: bytes | None = None
    mode: Mode = Mode.SEALED
    whole: bool = False
    ahead: bool = False


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What was written to a medium; it may be removed now."""

    packages: tuple[Written, ...]


def write(
    machine: Machine, medium: Path, order: WriteOrder, session: Session, report: Report, cancelled: Cancelled
) -> WriteResult:
    """As `BoxService.write`."""
    if not order.devices:
        raise Misuse("name at least one device to write for")
    machine.check_session(session)
    context = machine.context()
    judge_dates(context.own.signing, context.now.time)  # no device would believe it
    if order.mode not in context.anchor.policy.modes:
        raise Refusal(Code.UNSUPPORTED_FORMAT, f"the vendor's policy does not allow the mode '{order.mode}'")
    if order.ahead and not context.anchor.policy.unrequested:
        raise Refusal(
            Code.REQUEST_MISMATCH, "the vendor's policy does not allow packages that answer no request"
        )
    how = {"whole": order.whole, "ahead": order.ahead}
    with machine.opened(medium, writable=True) as volume, ExitStack() as sources:
        machine.learn(context, volume)
        devices = dict.fromkeys(order.devices)
        there = collecting.admit_from(machine, context, volume, devices)
        chosen = [dispatch.choose(context, device, order.release, order.mode, there) for device in devices]
        groups = (tuple(chosen),) if order.mode is Mode.SHARED else tuple((choice,) for choice in chosen)
        deliveries = tuple(
            dispatch.prepare(context, volume, sources, group, session, order.mode, **how) for group in groups
        )
        superseded = dispatch.make_room(context, volume, deliveries)
        with _in_ledger(machine, session, deliveries):
            enter = partial(_enter, machine, session, _WRITTEN, deliveries)
            written = dispatch.deliver(context, volume, deliveries, report, cancelled, enter)
        tidying.remove(volume, superseded)
        tidying.remove_old_lists(volume, context.lists())
    return WriteResult(written)


@contextmanager
def _in_ledger(machine: Machine, session: Session, deliveries: tuple[Delivery, ...]) -> Iterator[None]:
    """Entries before packages can exist, and when they were withdrawn."""
    _enter(machine, session, "seal", deliveries)
    try:
        yield
    except BaseException as error:
        reason = error.code if isinstance(error, Refusal) else type(error).__name__.lower()
        with suppress(MachineFault, Refusal):
            _enter(machine, session, "withdraw", deliveries, f": {reason}")
        raise


def _enter(
    machine: Machine, session: Session, act: str, deliveries: tuple[Delivery, ...], reason: str = ""
) -> None:
    """Enter an act for each delivery, all or none: no device is waited for that was not written for."""
    with machine.acts(session) as (transaction, enter):
        for delivery in deliveries:
            manifest = delivery.release.manifest
            named = f"{manifest.product} {manifest.version} for {', '.join(delivery.devices)}"
            if any(target.binding.answers is None for target in delivery.targets):
                named += " ahead"
            enter(act, f"{named} as {delivery.package_id.hex()}{reason}")
            if act == _WRITTEN:
                fleet.written(transaction, delivery.devices, manifest.version, delivery.issued_at)
