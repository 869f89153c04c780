"""updatebox vendor: authorities, enrolment, releases, revocation."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.cli.answer import Answer, answering
from appliance.cli.clock import now
from appliance.cli.components import component, takes_components
from appliance.cli.directives import directive
from appliance.cli.files import naming, read_file
from appliance.cli.issued import issued, revoke
from appliance.cli.merging import receipts
from appliance.cli.output import Output, writes
from appliance.cli.places import places
from appliance.cli.policy import policy_options
from appliance.cli.progress import ProgressBars
from appliance.cli.quantities import Moment, Size, counted
from appliance.cli.release_folder import (
    FOR_BOXES,
    INTO,
    boxes_of,
    check_holds_none,
    release_folder,
    sealed_in,
)
from appliance.cli.renewal import renew, renew_authority, rotate_root
from appliance.cli.sealing import seal
from appliance.cli.secrets import secret_options
from appliance.trust.bundle import Bundle
from appliance.vendor import Meant, ReleaseOrder, Vendor
from media_format import limits
from media_format.errors import Misuse
from media_format.objects import ComponentKind, Policy, Role

_FOLDER = places("vendor")
_PASSPHRASE = secret_options("passphrase", "vendor passphrase")


@click.group()
def vendor() -> None:
    """The vendor: enrols boxes and devices, signs and seals releases, revokes."""


for _verb in (directive, issued, receipts, renew, renew_authority, revoke, rotate_root, seal):
    vendor.add_command(_verb)


@vendor.command("init")
@_FOLDER
@click.option("--name", required=True, help="The vendor's name, as certificates show it.")
@policy_options
@answering
@secret_options("passphrase", "new vendor passphrase", confirm=True)
def init(directory: Path, name: str, policy: Policy, passphrase: str) -> Answer:
    """Create the vendor's authorities in DIR, and the policy that its boxes and devices are born with.

    The policy is part of the trust anchor: it cannot be changed for machines that are enrolled.
    """
    made = Vendor.create(directory, name, passphrase, now, policy)
    text = (
        f"{name}: root and issuing authorities are in {directory}.\nKeep the directory offline and backed up."
    )
    return Answer({"vendor": made.anchor.vendor, "directory": directory, "policy": policy}, text)


@vendor.group("enrol")
def enrol() -> None:
    """Answer an enrolment request with certificates."""


def _enrol(role: Role, directory: Path, csr: Path, out: Output, passphrase: str) -> Answer:
    opened = Vendor.open(directory, passphrase, now)
    with naming(csr):
        answered = opened.enrol(role, read_file(csr, limits.MAX_ENROLMENT * 2))
    out.write(answered.bundle.to_pem())
    text = (
        f"{role} {answered.id} (epoch {answered.epoch}) is enrolled; its certificates are in {out.path}.\n"
        f"Compare the fingerprint with what the {role} showed: {answered.fingerprint}"
    )
    data = {
        "role": role,
        "id": answered.id,
        "epoch": answered.epoch,
        "fingerprint": answered.fingerprint,
        "out": out.path,
    }
    return Answer(data, text)


_CSR = click.option(
    "--csr", required=True, type=click.Path(path_type=Path), help="The enrolment request that `init` left."
)


@enrol.command("box")
@_FOLDER
@_CSR
@answering
@writes()
@_PASSPHRASE
def enrol_box(directory: Path, csr: Path, out: Output, passphrase: str) -> Answer:
    """Certify an update box."""
    return _enrol(Role.BOX, directory, csr, out, passphrase)


@enrol.command("device")
@_FOLDER
@_CSR
@answering
@writes()
@_PASSPHRASE
def enrol_device(directory: Path, csr: Path, out: Output, passphrase: str) -> Answer:
    """Certify a device."""
    return _enrol(Role.DEVICE, directory, csr, out, passphrase)


@vendor.command("release")
@_FOLDER
@click.option("--product", required=True, help="The product, as devices of it are enrolled.")
@click.option(
    "--line", default="main", show_default=True, help="Release lines of a product count separately."
)
@click.option("--version", required=True, help="What people call the release.")
@takes_components("An image and its slot.")
@click.option("--hook", "hooks", multiple=True, metavar="SLOT=FILE", help="A program for the device to run.")
@FOR_BOXES
@click.option(
    "--hardware", multiple=True, help="Compatible hardware; default: what was enrolled of the product."
)
@click.option("--notes", default="", help="Release notes for the technician.")
@click.option(
    "--security-floor",
    type=click.IntRange(min=0),
    default=0,
    help="Lowest index that may still boot afterwards.",
)
@click.option("--install-by", type=Moment(), help="Last moment to install, for instance 2027-01-31.")
@click.option(
    "--chunk-size",
    type=Size(limits.MIN_CHUNK_SIZE, limits.MAX_CHUNK_SIZE),
    default=limits.DEFAULT_CHUNK_SIZE,
    show_default=True,
    help="Bytes that a device holds in memory at once; a power of two.",
)
@click.option(
    "--segment-size",
    type=Size(limits.MIN_SEGMENT_SIZE, limits.MAX_SEGMENT_SIZE),
    default=limits.DEFAULT_SEGMENT_SIZE,
    show_default=True,
    help="Bytes of one file on the medium; a multiple of 4096.",
)
@click.option("--new-slot", is_flag=True, help="A slot that no release of the line had before is meant.")
@click.option(
    "--any-version", is_flag=True, help="A version that is there already, or older than the last, is meant."
)
@INTO
@click.option("--add", is_flag=True, help="Add the release to those that --out holds.")
@answering
@_PASSPHRASE
def release(
    directory: Path,
    product: str,
    line: str,
    version: str,
    components: tuple[str, ...],
    hooks: tuple[str, ...],
    boxes: tuple[Path, ...],
    hardware: tuple[str, ...],
    notes: str,
    security_floor: int,
    install_by: int | None,
    chunk_size: int,
    segment_size: int,
    new_slot: bool,
    any_version: bool,
    out: Path,
    add: bool,
    passphrase: str,
) -> Answer:
    """Sign a release, seal it for boxes, and write it into the directory --out."""
    _check_sizes(chunk_size, segment_size)
    if install_by is not None and install_by <= now():
        raise Misuse(f"--install-by {install_by} has passed already")
    opened = Vendor.open(directory, passphrase, now)
    sources = [component(text, ComponentKind.IMAGE) for text in components]
    sources += [component(text, ComponentKind.HOOK) for text in hooks]
    order = ReleaseOrder(
        product=product,
        line=line,
        version=version,
        components=tuple(sources),
        boxes=boxes_of(opened, boxes),
        hardware=hardware,
        notes=notes,
        security_floor=security_floor,
        install_by=install_by,
        chunk_size=chunk_size,
        segment_size=segment_size,
    )
    opened.check_typed(order, Meant(new_slot, any_version))
    with release_folder(out) as volume, ProgressBars() as bars:
        if not add:
            check_holds_none(out, volume)
        built = opened.release(volume, order, bars)
    saved = 100 - 100 * built.stored_size // built.plain_size
    text = (
        f"{product} {version} is release {built.index} of line {line}: {built.plain_size:,} bytes, "
        f"{saved} % saved, {sealed_in(boxes, out / built.folder)}."
    )
    return Answer({"release": built, "out": out}, text)


@vendor.command("crl")
@_FOLDER
@answering
@writes()
@_PASSPHRASE
def crl(directory: Path, out: Output, passphrase: str) -> Answer:
    """Renew the revocation lists and write them, as PEM, to --out."""
    opened = Vendor.open(directory, passphrase, now)
    opened.renew_crls()
    out.write(Bundle(opened.anchor, (), opened.crls()).to_pem())
    count = len(opened.crls())
    return Answer({"lists": count, "out": out.path}, f"{counted(count, 'revocation list')} in {out.path}.")


def _check_sizes(chunk: int, segment: int) -> None:
    if chunk & (chunk - 1):
        raise Misuse(f"--chunk-size {chunk} is not a power of two")
    if segment % 4096:
        raise Misuse(f"--segment-size {segment} is not a multiple of 4096")
