"""updatebox box: releases in, requests judged, deliveries out, receipts back."""

from __future__ import annotations

import socket
from pathlib import Path

import click

from appliance.box import BoxService
from appliance.cli import exchange, reports, stock
from appliance.cli.answer import Answer, answering
from appliance.cli.backup import backup, restore
from appliance.cli.box_parts import FOLDER, open_box
from appliance.cli.box_status import REVOKED, status
from appliance.cli.clock import now
from appliance.cli.files import read_bundle, write_file
from appliance.cli.format import format_verb
from appliance.cli.ledger import ledger
from appliance.cli.quantities import counted
from appliance.cli.rules import allow, deny, rules
from appliance.cli.secrets import secret_options
from appliance.cli.users import user_group
from appliance.trust.enrolment import read_enrolment
from media_format.objects import Role


@click.group()
def box() -> None:
    """The update box: keeps releases sealed, seals them anew for one device, collects receipts."""


@click.command("init")
@FOLDER
@click.option("--id", "box_id", default=socket.gethostname, help="The box's name; default: the host's.")
@click.option("--tpm", metavar="URI", help="Where the keys live; default: soft:DIR/tpm.")
@click.option("--supervisor", default="supervisor", show_default=True, help="The first user.")
@answering
@secret_options("pin", "new PIN", confirm=True)
def init(directory: Path, box_id: str, tpm: str | None, supervisor: str, pin: str) -> Answer:
    """Create a box and its first supervisor; leaves the enrolment request for the vendor."""
    request = BoxService.create(directory, box_id, supervisor, pin, tpm=tpm, now=now)
    path = directory / "enrolment.req"
    write_file(path, request)
    fingerprint = read_enrolment(request).digest.hex()
    text = (
        f"Box {box_id} is made. Fingerprint: {fingerprint}\n"
        f"Take {path} to the vendor (updatebox vendor enrol box), then run:\n"
        f"updatebox box certs {directory} --install FILE"
    )
    return Answer({"id": box_id, "enrolment": path, "fingerprint": fingerprint}, text)


@click.command("certs")
@FOLDER
@click.option(
    "--install", "file", required=True, type=click.Path(path_type=Path), help="The vendor's answer."
)
@answering
def certs(directory: Path, file: Path) -> Answer:
    """Install what the vendor answered with, or newer revocation lists from `updatebox vendor crl`."""
    bundle, opened = read_bundle(file, Role.BOX), open_box(directory)
    vendor = bundle.anchor.vendor
    if not bundle.certificates:
        new = opened.install_lists(bundle)
        revoked = opened.status().revoked
        are = "is" if new == 1 else "are"
        text = f"{counted(new, 'newer revocation list')} of {vendor} {are} here."
        if revoked:
            text += f"\nREVOKED: {REVOKED}."
        return Answer({"vendor": vendor, "lists": new, "revoked": revoked}, text)
    renewed = opened.is_enrolled()
    opened.install_certificates(bundle)
    if renewed:
        return Answer(
            {"vendor": vendor}, f"The certificates of this box are now those that {vendor} renewed."
        )
    return Answer(
        {"vendor": vendor}, f"This box now belongs to {vendor}. Next: updatebox box import {directory} …"
    )


for verb in (
    *(backup, restore),
    *(init, certs, stock.import_release, stock.releases, stock.packages, stock.retire, reports.export),
    *(reports.devices, reports.receipts, ledger, status),
    *(exchange.media, exchange.admit, exchange.write, exchange.collect, exchange.directives),
    *(format_verb, allow, deny, rules, user_group),
):
    box.add_command(verb)
