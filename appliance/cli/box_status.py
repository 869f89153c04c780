"""updatebox box status: whether the box is healthy, at a glance or down to the last byte of its store."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.box import BoxStatus, StoreFinding
from appliance.cli.answer import DONE, FAILED, Answer, answering
from appliance.cli.box_parts import FOLDER, open_box
from appliance.cli.progress import ProgressBars
from appliance.trust.clock import moment


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
    end = f"{len(wrong)} things are wrong." if wrong else "The store is as it should be."
    lines = [_text(found), *map(_line, findings), end]
    data = {"status": found, "findings": findings}
    return Answer(data, "\n".join(lines), FAILED if wrong else DONE)


def _text(found: BoxStatus) -> str:
    if found.time:
        clock = f"{moment(found.time.time)} by {found.time.source}"
    else:
        clock = f"NOT TRUSTED ({found.time_problem})"
    if found.time_advice:
        clock += f"\n          {found.time_advice}"
    lock = f"locked until {found.tpm.locked_until}" if found.tpm.locked_until else "ready"
    quota = f" of {found.quota:,}" if found.quota else ""
    lines = [
        f"Box {found.id} of {found.vendor or 'no vendor yet'}",
        f"time      {clock}",
        f"TPM       {found.tpm.backend}, {lock}",
        f"store     {found.releases} releases, {found.devices} devices, {found.free:,} bytes free",
        f"packages  {found.packages:,}{quota} bytes",
        *(f"WARNING   {one.subject} expires within {one.within} days" for one in found.warnings),
    ]
    if found.revoked:
        lines.append("REVOKED   the vendor revoked this box; it writes nothing any more")
    return "\n".join(lines)


def _line(finding: StoreFinding) -> str:
    word = "WRONG" if finding.wrong else "note"
    return f"{word:<10}{finding.place}: {finding.problem}\n          {finding.advice}"
