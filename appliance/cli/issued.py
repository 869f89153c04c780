"""updatebox vendor issued, revoke: the certificates that were issued, and taking them back."""

from __future__ import annotations

from pathlib import Path

import click
from cryptography import x509

from appliance.cli.answer import Answer, answering
from appliance.cli.clock import now
from appliance.cli.files import read_file
from appliance.cli.places import places
from appliance.cli.secrets import secret_options
from appliance.cli.table import folded
from appliance.trust.bundle import MAX_BUNDLE
from appliance.trust.clock import in_utc
from appliance.vendor import Issued, Vendor
from media_format.errors import Misuse

_FOLDER = places("vendor")
_PASSPHRASE = secret_options("passphrase", "vendor passphrase")


@click.command("issued")
@_FOLDER
@answering
@_PASSPHRASE
def issued(directory: Path, passphrase: str) -> Answer:
    """List every certificate that was issued, from when to when, and which of them were revoked."""
    entries = Vendor.open(directory, passphrase, now).issued
    head = f"{'HOLDER':<20} {'EPOCH':>5}  {'PURPOSE':<18}  {'ISSUED':<10}  EXPIRES"
    text = "\n".join([head, *map(_line, entries)]) if entries else "Nothing was issued yet."
    return Answer({"issued": entries}, text)


def _line(entry: Issued) -> str:
    purpose = entry.purpose.lower().replace("_", " ")
    expires = "never" if entry.expires is None else _day(entry.expires)
    held = f"{entry.id:<20} {entry.epoch or '-':>5}  {purpose:<18}  {_day(entry.issued)}  {expires:<10}"
    revoked = "" if entry.revoked is None else "  REVOKED"
    return f"{folded(f'{held}{revoked}', 28)}\n{'':<28}serial {entry.serial}"


def _day(seconds: int) -> str:
    return in_utc(seconds, "%Y-%m-%d")


@click.command("revoke")
@_FOLDER
@click.option(
    "--cert",
    type=click.Path(path_type=Path),
    help="A PEM file; what was issued to a holder in it is revoked.",
)
@click.option("--serial", help="The serial number, in hexadecimal.")
@answering
@_PASSPHRASE
def revoke(directory: Path, cert: Path | None, serial: str | None, passphrase: str) -> Answer:
    """Revoke a certificate and renew the revocation lists."""
    if (cert is None) == (serial is None):
        raise Misuse("name the certificate with --cert or with --serial")
    numbers = _serials_of(cert) if cert else (_hexadecimal(str(serial)),)
    revoked = Vendor.open(directory, passphrase, now).revoke_all(numbers)
    lines = [f"{entry.purpose} of {entry.id} is revoked." for entry in revoked]
    lines.append(
        "Bring the lists to the boxes: updatebox vendor crl, then there updatebox box certs --install"
    )
    return Answer({"revoked": revoked}, "\n".join(lines))


def _serials_of(path: Path) -> tuple[int, ...]:
    """Every certificate in a file: a box or device has two, and both go."""
    try:
        found = x509.load_pem_x509_certificates(read_file(path, MAX_BUNDLE))
    except ValueError:
        raise Misuse(f"{path} holds no certificate in PEM") from None
    return tuple(certificate.serial_number for certificate in found)


def _hexadecimal(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise Misuse(f"{text!r} is no serial number; write it in hexadecimal") from None
