"""updatebox vendor receipts: what boxes collected, merged, and what it comes to for each device."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.cli.answer import Answer, answering, of_many
from appliance.cli.clock import now
from appliance.cli.files import naming, read_file
from appliance.cli.places import places
from appliance.cli.quantities import counted
from appliance.cli.table import folded
from appliance.trust.clock import moment
from appliance.vendor import DeviceHistory, Fleet, Imported
from media_format.objects import Outcome
from media_format.receipt_file import MAX_FILE

_LAST_EPOCH = 2**32


@click.command("receipts")
@places("vendor")
@click.option(
    "--import",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="What a box exported (updatebox box export --receipts); may be repeated.",
)
@click.option("--device", metavar="ID", help="Only this one.")
@click.option(
    "--outcome",
    type=click.Choice([outcome.name.lower() for outcome in Outcome]),
    help="Only those whose last try came to this.",
)
@click.option(
    "--missing", is_flag=True, help="Only those of which receipts are missing, or there are two histories."
)
@click.option("--after", metavar="ID", help="Only those after this one: the next page.")
@click.option("--limit", type=click.IntRange(1), help="At most so many.")
@answering
def receipts(
    directory: Path,
    files: tuple[Path, ...],
    device: str | None,
    outcome: str | None,
    missing: bool,
    after: str | None,
    limit: int | None,
) -> Answer:
    """Merge receipts from boxes, and say what they come to: the fleet's state."""
    fleet = Fleet.open(directory)
    imported = [_take(fleet, path) for path in files]
    found = [
        one
        for one in fleet.devices()
        if (device is None or one.device_id == device)
        and (outcome is None or one.outcome == outcome)
        and (not missing or one.missing or one.forked)
        and (after is None or (one.device_id, one.epoch) > (after, _LAST_EPOCH))
    ][:limit]
    new, known = sum(done.new for done in imported), sum(done.known for done in imported)
    refusals = [refusal for done in imported for refusal in done.refused]
    lines = [f"{refusal.code}: a receipt: {refusal.detail}" for refusal in refusals]
    lines += [_said(path, done) for path, done in zip(files, imported, strict=True)]
    lines += _table(found) if found else [_nothing(missing=missing)]
    if found and len(found) == limit:
        lines.append(f"More of them: --after {found[-1].device_id}")
    data = {
        "new": new,
        "known": known,
        "refused": [refusal.code for refusal in refusals],
        "boxes": [done.box for done in imported],
        "devices": found,
    }
    return of_many(data, lines, refusals, accepted=bool(new or known))


def _take(fleet: Fleet, path: Path) -> Imported:
    with naming(path):
        return fleet.take(read_file(path, MAX_FILE), now)


def _said(path: Path, done: Imported) -> str:
    who = f"signed by {done.box}" if done.box else "NOT SIGNED by a box"
    new = counted(done.new, "new receipt")
    return f"{path}, {who}: {new}, {done.known} known, {len(done.refused)} refused."


def _nothing(*, missing: bool) -> str:
    """Why there is no device in the list."""
    return "Of no such device are receipts missing." if missing else "No such device has reported yet."


def _table(found: list[DeviceHistory]) -> list[str]:
    return [f"{'DEVICE':<20} {'RUNS':<10} LAST TRY", *map(_history, found)]


def _history(device: DeviceHistory) -> str:
    when = "at an unknown time" if device.finished is None else moment(device.finished)
    line = f"{device.device_id:<20} {device.version or '-':<10} {device.outcome.replace('_', ' ')} {when}"
    notes = [
        f"{device.unconfirmed} NOT CONFIRMED YET" if device.unconfirmed else "",
        str(device.code or ""),
        f"{device.missing} RECEIPTS MISSING" if device.missing else "",
        "TWO HISTORIES: was its state copied back?" if device.forked else "",
        f"by {', '.join(device.boxes)}" if device.boxes else "",
    ]
    lines = [line, f"{'':<20} {'; '.join(filter(None, notes))}"] if any(notes) else [line]
    return "\n".join(folded(one, 21) for one in lines)
