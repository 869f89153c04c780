"""updatebox vendor renew, renew-authority, rotate-root: later dates, and another root."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.cli.answer import Answer, answering
from appliance.cli.clock import now
from appliance.cli.directives import AddresseeType
from appliance.cli.output import Output, writes
from appliance.cli.places import places
from appliance.cli.secrets import secret_options
from appliance.vendor import Addressee, Vendor
from appliance.vendor.authority import ISSUING_CAS

_FOLDER = places("vendor")
_PASSPHRASE = secret_options("passphrase", "vendor passphrase")


@click.command("renew")
@_FOLDER
@click.option("--for", "whom", required=True, type=AddresseeType(), help="The box or device.")
@answering
@writes()
@_PASSPHRASE
def renew(directory: Path, whom: Addressee, out: Output, passphrase: str) -> Answer:
    """Certify a machine's keys again, with later dates, for `certs --install`."""
    bundle = Vendor.open(directory, passphrase, now).renew(whom)
    out.write(bundle.to_pem())
    text = (
        f"The renewed certificates of {whom.id} are in {out.path}; there: "
        f"updatebox {whom.role} certs --install"
    )
    return Answer({"role": whom.role, "id": whom.id, "out": out.path}, text)


@click.command("renew-authority")
@_FOLDER
@click.option(
    "--name", required=True, type=click.Choice(list(ISSUING_CAS)), help="Whose certificate is to be renewed."
)
@answering
@_PASSPHRASE
def renew_authority(directory: Path, name: str, passphrase: str) -> Answer:
    """Give an issuing authority a certificate with later dates; its key and all it issued stay."""
    Vendor.open(directory, passphrase, now).renew_authority(name)
    text = (
        f"{name} has a new certificate. Releases carry it from now on; boxes and devices get it with their "
        "own (updatebox vendor directive renew)."
    )
    return Answer({"authority": name}, text)


@click.command("rotate-root")
@_FOLDER
@click.option("--use", is_flag=True, help="Make no root, but sign under the newest one from now on.")
@answering
@_PASSPHRASE
def rotate_root(directory: Path, use: bool, passphrase: str) -> Answer:
    """Make another root beside the old one; with --use, sign under it.

    In between, every box and device must have followed `updatebox vendor directive cross-sign`: those that
    have not refuse what is signed under the new root.
    """
    opened = Vendor.open(directory, passphrase, now)
    if use:
        name = opened.use_root()
        return Answer({"root": name, "used": True}, f"Everything is signed under {name} from now on.")
    name = opened.rotate_root(passphrase)
    text = (
        f"{name} is made, and the old root vouches for it. New boxes and devices trust both.\n"
        "Next, for those in the field: updatebox vendor directive cross-sign; when all have followed it: "
        "updatebox vendor rotate-root --use"
    )
    return Answer({"root": name, "used": False}, text)
