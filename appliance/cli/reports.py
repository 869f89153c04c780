"""updatebox box devices, receipts, export: what happened."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from appliance.box import DeviceFilter, DeviceInfo, ReceiptFilter, ReceiptInfo
from appliance.cli.answer import Answer, answering
from appliance.cli.box_parts import FOLDER, USER, open_box
from appliance.cli.output import Output, writes
from appliance.cli.quantities import LARGEST, NUMBER, Moment, counted
from appliance.cli.secrets import secret_options
from appliance.cli.table import folded
from appliance.trust.clock import moment
from media_format.errors import Misuse
from media_format.objects import Outcome

_PAGE: Final = 100
_LAST_EPOCH: Final = 2**32 - 1
_OUTCOME = click.Choice([outcome.name.lower() for outcome in Outcome])
_LIMIT = click.option("--limit", type=NUMBER, default=_PAGE, show_default=True, help="At most so many.")


@click.command("devices")
@FOLDER
@click.option("--device", metavar="ID", help="Only this one.")
@click.option("--product", help="Only those of this product.")
@click.option("--line", help="Only those on this release line.")
@click.option("--outcome", type=_OUTCOME, help="Only those whose last try came to this.")
@click.option("--behind", is_flag=True, help="Only those for which the box has a newer release.")
@click.option(
    "--waiting", is_flag=True, help="Only those that have not reported of what was written for them."
)
@click.option("--epochs", is_flag=True, help="Enrolments too that a newer one replaced.")
@click.option("--after", metavar="ID", help="Only those after this one: the next page.")
@_LIMIT
@answering
def devices(
    directory: Path,
    device: str | None,
    product: str | None,
    line: str | None,
    outcome: str | None,
    behind: bool,
    waiting: bool,
    epochs: bool,
    after: str | None,
    limit: int,
) -> Answer:
    """List the fleet: what each device runs, what is newer, and what became of the last try."""
    last = (after, _LAST_EPOCH) if after is not None else None
    wanted = DeviceFilter(device, product, line, outcome, behind, waiting, epochs, last, limit)
    found = open_box(directory).devices(wanted)
    more = [f"More of them: --after {found[-1].id}"] if len(found) == limit else []
    shown = [_device(device, epoch=epochs) for device in found]
    lines = [f"{'DEVICE':<20} {'RUNS':<10} {'NEWER':<10} LAST TRY", *shown, *more]
    return Answer({"devices": found}, "\n".join(lines) if found else "There are no such devices.")


def _device(device: DeviceInfo, *, epoch: bool) -> str:
    tried = "-"
    if device.outcome is not None:
        when = "at an unknown time" if device.finished is None else moment(device.finished)
        tried = f"{device.outcome.replace('_', ' ')} {when}"
    notes = [
        f"epoch {device.epoch}" if epoch else "",
        device.code or "",
        f"{device.unconfirmed} NOT CONFIRMED YET" if device.unconfirmed else "",
        f"{device.waiting} WAITS{', OVERDUE' if device.overdue else ''}" if device.waiting else "",
        "" if device.allowed else "NOT ALLOWED",
    ]
    lines = [f"{device.id:<20} {device.version or '-':<10} {device.wanted or '-':<10} {tried}"]
    if any(notes):
        lines.append(f"{'':<20} {', '.join(filter(None, notes))}")
    return "\n".join(folded(line, 21) for line in lines)


@click.command("receipts")
@FOLDER
@click.option("--device", metavar="ID", help="Only those of this device.")
@click.option("--outcome", type=_OUTCOME, help="Only those that say this.")
@click.option("--since", type=Moment(), help="Only those collected from this time on.")
@click.option("--until", type=Moment(), help="Only those collected up to this time.")
@click.option("--after", metavar="PLACE", help="Only those after this one: the next page.")
@_LIMIT
@answering
def receipts(
    directory: Path,
    device: str | None,
    outcome: str | None,
    since: int | None,
    until: int | None,
    after: str | None,
    limit: int,
) -> Answer:
    """List the receipts, those that were collected last first."""
    wanted = ReceiptFilter(device, outcome, since, until, _place(after) if after else None, limit)
    found = open_box(directory).receipts(wanted=wanted)
    more = [f"Older ones: --after {_place_of(found[-1])}"] if len(found) == limit else []
    lines = [*map(_receipt, found), *more]
    return Answer({"receipts": found}, "\n".join(lines) or "There are no such receipts.")


def _place_of(receipt: ReceiptInfo) -> str:
    collected, device, epoch, counter = receipt.place
    return f"{collected}:{epoch}:{counter}:{device}"


def _place(text: str) -> tuple[int, str, int, int]:
    try:
        *numbers, device = text.split(":", 3)
        collected, epoch, counter = map(int, numbers)
        if not all(0 <= number <= LARGEST for number in (collected, epoch, counter)):
            raise ValueError
        return collected, device, epoch, counter
    except ValueError:
        raise click.UsageError(f"{text!r} is no place in the list; take the one that it names") from None


def _receipt(receipt: ReceiptInfo) -> str:
    when = f"{'no clock':<20}" if receipt.finished is None else f"{moment(receipt.finished):<20}"
    versions = f"{receipt.version_before or '-'} → {receipt.version_after or '-'}"
    gap = "  GAP BEFORE" if receipt.gap else ""
    number = f"{receipt.device_id} {receipt.counter}"
    lines = [f"{when} {number:<20} {receipt.outcome:<12} {versions}{gap}"]
    if receipt.code:
        lines.append(f"{'':<20} {receipt.code}: {receipt.advice}")
    return "\n".join(folded(line, 21) for line in lines)


@click.command("export")
@FOLDER
@click.option("--receipts", "what", flag_value="receipts", help="The receipts, for the vendor to import.")
@click.option(
    "--ledger", "what", flag_value="ledger", help="The ledger in lines of JSON, for whoever checks it."
)
@click.option("--since", type=Moment(), help="With --receipts: those collected from this time on.")
@click.option("--until", type=Moment(), help="With --receipts: those collected up to this time.")
@click.option("--signed", is_flag=True, default=None, help="Let the box sign it; needs a PIN.")
@USER
@answering
@writes()
@secret_options("pin", "PIN", only_with="signed")
def export(
    directory: Path,
    what: str | None,
    since: int | None,
    until: int | None,
    out: Output,
    signed: bool | None,
    user: str,
    pin: str,
) -> Answer:
    """Write the receipts or the ledger into a file."""
    if what is None:
        raise Misuse("say what to export: --receipts or --ledger")
    if what == "ledger" and (since is not None or until is not None):
        raise Misuse("the ledger is exported as a whole; --since and --until are for receipts")
    opened = open_box(directory)
    session = opened.unlock(user, pin) if signed else None
    if what == "ledger":
        with out.writing() as file:
            count = opened.export_ledger(file, session)
        return Answer({"out": out.path, "ledger": count}, f"{count} entries of the ledger are in {out.path}.")
    found = opened.export_receipts(session, since=since, until=until)
    out.write(found.data)
    lines = [
        f"{counted(found.receipts, 'receipt')} in {out.path}. Take it to the vendor: "
        f"updatebox vendor receipts --import {out.path}"
    ]
    if found.left:
        lines.append(
            f"Did not fit: {counted(found.left, 'older one')}; export with --until {found.left_until}"
        )
    return Answer({"out": out.path, "receipts": found.receipts, "left": found.left}, "\n".join(lines))
