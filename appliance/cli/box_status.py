"""updatebox box status: whether the box is healthy, at a glance or down to the last byte of its store."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from appliance.box import BoxStatus, StoreFinding
from appliance.cli.answer import DONE, FAILED, Answer, answering
from appliance.cli.box_parts import FOLDER, open_box
from appliance.cli.progress import ProgressBars
from appliance.cli.quantities import counted
from appliance.trust.chain import ExpiryWarning
from appliance.trust.clock import moment

REVOKED: Final = "the vendor revoked this box; it writes nothing any more"


@click.command("status")
@FOLDER
@click.option(
    "--check", is_flag=True, help="Check the whole store: database, every byte of it, ledger, people."
)
@answering
def status(directory: Path, check: bool) -> Answer:
    """Say whether the box is healthy."""
    service = open_box(directory)
    found = service.status()
    if not check:
        return Answer({"status": found}, _text(found))
    with ProgressBars() as bars:
        findings = service.check(bars)
    wrong = [finding for finding in findings if finding.wrong]
    are = "is" if len(wrong) == 1 else "are"
    end = f"{counted(len(wrong), 'thing')} {are} wrong." if wrong else "The store is as it should be."
    if found.revoked:
        end += f" REVOKED: {REVOKED}."
    data = {"status": found, "findings": findings}
    text = "\n".join([_text(found), *map(_line, findings), end])
    return Answer(data, text, FAILED if wrong or found.revoked else DONE)


def _text(found: BoxStatus) -> str:
    if found.time:
        clock = f"{moment(found.time.time)} by {found.time.source}"
    else:
        clock = f"NOT TRUSTED ({found.time_problem})"
    if found.time_advice:
        clock += f"\n          {found.time_advice}"
    until = found.tpm.locked_until
    # To the next full minute: it is not open before.
    lock = f"ready, but somebody's PIN is locked until {moment(until + 59)}" if until else "ready"
    quota = f" of {found.quota:,}" if found.quota else ""
    lines = [
        f"Box {found.id} of {found.vendor or 'no vendor yet'}",
        f"time      {clock}",
        f"TPM       {found.tpm.backend}, {lock}",
        f"store     {counted(found.releases, 'release')}, {counted(found.devices, 'device')}, "
        f"{found.free:,} bytes free",
        f"packages  {found.packages:,}{quota} bytes",
    ]
    lines += [_ending(warning, found.time.time) for warning in found.warnings if found.time]
    if found.revoked:
        lines.append(f"REVOKED   {REVOKED}")
    return "\n".join(lines)


def _ending(warning: ExpiryWarning, now: int) -> str:
    day = moment(warning.expires)
    if warning.expires <= now:
        return f"EXPIRED   {warning.subject} at {day}; ask the vendor for a renewed one"
    return f"WARNING   {warning.subject} expires within {counted(warning.within, 'day')}, at {day}"


def _line(finding: StoreFinding) -> str:
    word = "WRONG" if finding.wrong else "note"
    return f"{word:<10}{finding.place}: {finding.problem}\n          {finding.advice}"
