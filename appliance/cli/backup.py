"""updatebox box backup, restore: a box's knowledge in a sealed file, and back."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.box import BoxService, LeftOut, Person, Restored
from appliance.cli.answer import Answer, answering
from appliance.cli.box_parts import PIN, USER, open_box
from appliance.cli.clock import now
from appliance.cli.places import places
from appliance.cli.progress import ProgressBars
from appliance.cli.quantities import counted
from appliance.cli.secrets import secret_options
from appliance.trust.clock import moment


@click.command("backup")
@places("box", file="FILE")
@click.option("--packages", is_flag=True, help="The releases too; otherwise they are imported again.")
@USER
@answering
@PIN
@secret_options("passphrase", "passphrase of the backup", confirm=True)
def backup(directory: Path, file: str, packages: bool, user: str, pin: str, passphrase: str) -> Answer:
    """Write what the box knows into a file, sealed under a passphrase; its keys stay in the TPM."""
    service = open_box(directory)
    session = service.unlock(user, pin)
    with ProgressBars() as bars:
        made = service.backup(Path(file), passphrase, session, bars, packages=packages)
    text = (
        f"{made.file}: {made.size:,} bytes, up to entry {made.entries} of the ledger, "
        f"{'with' if packages else 'without'} packages.\nKeep the passphrase apart from it."
    )
    return Answer({"backup": made}, text)


@click.command("restore")
@places("box", file="FILE")
@USER
@answering
@PIN
@secret_options("passphrase", "passphrase of the backup")
def restore(directory: Path, file: str, user: str, pin: str, passphrase: str) -> Answer:
    """Put a backup back, onto the box that made it or onto a new one."""
    found = BoxService.restore(directory, Path(file), passphrase, Person(user, pin), now=now)
    lines = [
        f"The backup of {found.box} of {moment(found.created)} is back: {counted(found.devices, 'device')}, "
        f"{counted(found.receipts, 'receipt')}.",
        *(_same(found) if found.same else _other(found)),
    ]
    if found.releases:
        vendor = "Have the vendor seal these for this box (updatebox vendor seal), and import them"
        again = "Import these releases again" if found.same else vendor
        lines.append(f"{again}: {', '.join(found.releases)}.")
    return Answer({"restored": found}, "\n".join(lines))


def _same(found: Restored) -> list[str]:
    if found.lost == 0:
        lines = ["Nothing is missing that the TPM remembers."]
    else:
        lost = "It cannot be said how many acts" if found.lost is None else counted(found.lost, "act")
        lines = [
            f"{lost} came after that and are lost, with what they brought: receipts that devices have let go"
            " of, requests, rules. The ledger says so. Admit the requests that are about again."
        ]
    if not found.told:
        lines.append(
            "NOT KEPT: what the vendor has said since. The old database cannot be read, or is not what the"
            " TPM remembers. Bring the newest revocation lists before anything is written (updatebox vendor"
            " crl, then updatebox box certs --install): until then, devices revoked since are served."
        )
    return lines


def _other(found: Restored) -> list[str]:
    assert found.left_out is not None
    return [
        "These keys are another box's: keys, certificates, people and ledger are this box's own.",
        f"The old ledger is kept in {found.former_ledger}.",
        *_left(found.left_out),
        "If it is not enrolled yet: updatebox vendor enrol box, then updatebox box certs --install.",
        "Have the vendor revoke the old box if it is gone.",
    ]


def _left(left: LeftOut) -> list[str]:
    """What was not taken over."""
    allowing = f" ({left.rules:,})" if left.rules else ""
    lines = [f"Rules that deny were taken over; those that allow{allowing} have to be made here again."]
    if left.unsigned:
        rows = f"{counted(left.devices, 'device')} and {counted(left.receipts, 'receipt')}"
        lines.append(
            f"LEFT OUT: {rows} that no device signed. Somebody wrote to that box's database, so do not trust"
            " what else it said."
        )
    return lines
