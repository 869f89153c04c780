"""Reporting: outcomes become receipts, and receipts and a fresh request go onto the medium."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from appliance.device import reuse
from appliance.device.installed import BankContent
from appliance.device.machine import Machine
from appliance.device.receipts import KEPT_REFUSALS, KEPT_UNVERIFIED, write_receipts
from appliance.device.request import write_request
from appliance.device.slots import Bank
from appliance.trust.clock import TrustedTime, trusted_time
from media_format import limits
from media_format.objects import (
    Cipher,
    DeviceTime,
    Mode,
    Outcome,
    Receipt,
    ReceiptTime,
    Request,
    SlotReport,
)
from media_format.objects.request import OLDEST_RECEIPT
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume

_MAX_REPORTS: Final = 128
"""Slot reports that a request has room for."""


@dataclass(frozen=True, slots=True)
class Story:
    """What a receipt tells. Ids are None where the package was too damaged to know them."""

    outcome: Outcome
    package_id: bytes | None = None
    manifest_digest: bytes | None = None
    code: Code | None = None
    detail: str | None = None
    version_before: str | None = None
    version_after: str | None = None
    began: float | None = None
    """By the monotonic clock."""


def tell(machine: Machine, story: Story, **changes: Any) -> None:
    """Sign a receipt, and count it in the record together with `changes`: a cut divides none of it."""
    facts = machine.record.facts
    began = story.began if story.began is not None else time.monotonic()
    duration = max(0, time.monotonic() - began)
    now = believed_time(machine)
    receipt = Receipt(
        format=limits.FORMAT_VERSION,
        device_id=machine.configuration.id,
        epoch=facts.epoch,
        counter=facts.receipt_counter + 1,
        previous=facts.receipt_digest,
        package_id=story.package_id,
        manifest_digest=story.manifest_digest,
        outcome=story.outcome,
        code=story.code,
        detail=_shortened(story.detail),
        version_before=story.version_before,
        version_after=story.version_after,
        time=ReceiptTime(
            source=now.source if now else "none",
            started=max(0, now.time - int(duration)) if now else None,
            finished=now.time if now else None,
        ),
        duration_ms=int(duration * 1000),
    )
    digest = machine.receipts.sign(receipt, machine.signer())
    machine.record.update(receipt_counter=receipt.counter, receipt_digest=digest, **changes)


def tell_refusal(machine: Machine, story: Story, *, verified: bool) -> None:
    """Sign a receipt for a refusal, once for each package and code; count it where there are too many.

    `verified` says that a box signed the envelope; for one that anybody can make there is less room.
    """
    assert story.code is not None
    known = story.package_id or b"\0" * 16
    if machine.refusals.was_told(known, story.code):
        return
    if machine.receipts.count() >= (KEPT_REFUSALS if verified else KEPT_UNVERIFIED):
        machine.refusals.count([story.code])
        return
    tell(machine, story)
    machine.refusals.tell(known, story.code)


def believed_time(machine: Machine) -> TrustedTime | None:
    """The time by a source the device trusts, None where there is none."""
    policy = machine.bundle().anchor.policy
    try:
        return trusted_time(machine.readings(), machine.record.facts.time_floor, policy.clock_horizon)
    except Refusal:
        return None


def write_reports(machine: Machine, volume: Volume) -> int:
    """Put unacknowledged receipts on the medium; returns how many were not there."""
    return write_receipts(volume, machine.receipts.kept(machine.record.facts.receipt_counter))


def ask(machine: Machine, volume: Volume) -> Request:
    """Write a fresh request: the outstanding nonce again, or a new one, with the next counter."""
    facts, now = machine.record.facts, _known_time(machine)
    if facts.nonce is None:
        fresh = {"nonce": machine.tpm.random(32), "nonce_boots": facts.boots, "nonce_uptime": uptime()}
        changes = {**fresh, "asked_at": now}
    else:
        # The answer to an earlier writing counts too. A clock that was ahead then, and was set right, does
        # not shut it out.
        changes = {"asked_at": min(facts.asked_at, now)}
    machine.record.update(request_counter=facts.request_counter + 1, **changes)
    request = _request(machine)
    write_request(volume, request, machine.signer(with_encryption=True))
    return request


def _known_time(machine: Machine) -> int:
    """The time that a trusted clock says, or that has surely passed where there is none."""
    now = believed_time(machine)
    return now.time if now else machine.record.facts.time_floor


def uptime() -> int:
    """Seconds since the machine started, time asleep included."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME))


def _request(machine: Machine) -> Request:
    facts, configuration = machine.record.facts, machine.configuration
    modes = machine.bundle().anchor.policy.modes
    ciphers = (Cipher.COBBLESTONE_256, *((Cipher.NONE,) if Mode.SIGNED in modes else ()))
    now = believed_time(machine)
    assert facts.nonce is not None
    return Request(
        format=limits.FORMAT_VERSION,
        device_id=configuration.id,
        epoch=facts.epoch,
        product=configuration.product,
        line=configuration.line,
        hardware=configuration.hardware,
        slots=_slot_reports(machine),
        head=facts.head(configuration.line),
        security_floor=facts.security_floor,
        time_floor=facts.time_floor,
        counter=facts.request_counter,
        nonce=facts.nonce,
        time=DeviceTime(source=now.source if now else "none", time=now.time if now else None),
        formats=(limits.FORMAT_VERSION,),
        ciphers=tuple(sorted(ciphers)),
        kems=machine.key.kems,
        largest_chunk=configuration.largest_chunk,
        free_space=min(machine.slots.capacity(slot) for slot in machine.slots.names),
        crl_numbers=machine.lists().numbers(),
        refusals=machine.refusals.counts(),
        reuse=reuse.asked(machine),
        optional=((OLDEST_RECEIPT, _oldest_receipt(machine)),),
    )


def _oldest_receipt(machine: Machine) -> int:
    """The number of the oldest receipt that is kept, or will be next: a box has acknowledged those before."""
    newest = machine.record.facts.receipt_counter
    kept = machine.receipts.kept(newest)
    return kept[0].receipt.counter if kept else newest + 1


def _slot_reports(machine: Machine) -> tuple[SlotReport, ...]:
    """One for each bank, and for its further components as far as there is room."""
    running = machine.running()
    first, further = [], []
    for slot in machine.slots.names:
        for bank in (0, 1):
            contents: Sequence[BankContent | None] = machine.installed.of(slot, bank) or (None,)
            first.append((slot, bank, contents[0]))
            further += [(slot, bank, content) for content in contents[1:]]
    return tuple(
        _slot_report(machine.slots.bank(slot, bank), content, active=running[slot] == bank)
        for slot, bank, content in (*first, *further)[:_MAX_REPORTS]
    )


def _slot_report(bank: Bank, content: BankContent | None, *, active: bool) -> SlotReport:
    measured = None
    if content is not None and active:
        measured = bank.measure(content.offset, content.size).digest
    return SlotReport(
        slot=bank.slot,
        bank=bank.number,
        active=active,
        capacity=bank.capacity(),
        component=content.component if content else None,
        version=content.version if content else None,
        manifest_digest=content.manifest_digest if content else None,
        measured=measured,
    )


def _shortened(detail: str | None) -> str | None:
    """A detail that fits a receipt's field and shows on any screen."""
    if detail is None:
        return None
    shown = "".join(letter if letter.isprintable() else "?" for letter in detail)
    return shown.encode()[:500].decode(errors="ignore") or None
