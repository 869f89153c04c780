"""updatebox box devices, receipts, export: what happened."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.cli.answer import Answer, answering
from appliance.cli.box_parts import FOLDER, USER, open_box
from appliance.cli.files import write_file
from appliance.cli.secrets import secret_options
from media_format.errors import Misuse

_FORBIDDEN = ("", "  NOT ALLOWED")


@click.command("devices")
@FOLDER
@answering
def devices(directory: Path) -> Answer:
    """List the devices that have asked or reported."""
    found = open_box(directory).devices()
    lines = [
        f"{d.id:<24} {d.product:<20} {d.hardware:<12} request {d.counter}{_FORBIDDEN[not d.allowed]}"
        for d in found
    ]
    return Answer({"devices": found}, "\n".join(lines) or "No device has been seen yet.")


@click.command("receipts")
@FOLDER
@answering
def receipts(directory: Path) -> Answer:
    """List the receipts that were collected, the newest first."""
    found = open_box(directory).receipts()
    lines = []
    for entry in found:
        versions = f"{entry.version_before or '-'} → {entry.version_after or '-'}"
        code = f"  {entry.code}: {entry.advice}" if entry.code else ""
        lines.append(
            f"{entry.device_id:<24} {entry.outcome:<12} {versions}{code}{'  GAP BEFORE' if entry.gap else ''}"
        )
    return Answer({"receipts": found}, "\n".join(lines) or "No receipts have been collected yet.")


@click.command("export")
@FOLDER
@click.option("--receipts", "what", flag_value="receipts", help="The receipts, for the vendor to import.")
@click.option("--ledger", "what", flag_value="ledger", help="The ledger in JSON, for whoever checks it.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The file to write.")
@click.option("--signed", is_flag=True, default=None, help="Let the box sign the end of it; needs a PIN.")
@USER
@answering
@secret_options("pin", "PIN", only_with="signed")
def export(directory: Path, what: str | None, out: Path, signed: bool | None, user: str, pin: str) -> Answer:
    """Write the receipts or the ledger into a file."""
    if what is None:
        raise Misuse("say what to export: --receipts or --ledger")
    opened = open_box(directory)
    session = opened.unlock(user, pin) if signed else None
    data, count = opened.export_receipts() if what == "receipts" else opened.export_ledger(session)
    write_file(out, data)
    things = "receipts are" if what == "receipts" else "entries of the ledger are"
    after = f" Take it to the vendor: updatebox vendor receipts --import {out}" if what == "receipts" else ""
    return Answer({"out": out, what: count}, f"{count} {things} in {out}.{after}")
