"""updatebox box: releases in, requests judged, deliveries out, receipts back."""

from __future__ import annotations

import socket
from pathlib import Path

import click

from appliance.box import BoxService, Cancel, UserRole
from appliance.cli.answer import Answer, answering, of_many
from appliance.cli.clock import now
from appliance.cli.files import read_bundle, write_file
from appliance.cli.format import format_verb
from appliance.cli.orders import directive_told, news
from appliance.cli.places import places
from appliance.cli.progress import ProgressBars
from appliance.cli.rules import allow, deny, rules
from appliance.cli.secrets import secret_options
from appliance.trust.clock import moment
from appliance.trust.enrolment import read_enrolment
from media_format.errors import Misuse
from media_format.objects import Mode, Role
from media_format.refusal import Refusal

_FOLDER = places("box")
_FOLDER_AND_MEDIUM = places("box", medium="MEDIA")
_FOLDER_AND_NAME = places("box", name="NAME")
_USER = click.option("--user", default="supervisor", show_default=True, help="Who does this.")
_PIN = secret_options("pin", "PIN")
_FORBIDDEN = ("", "  NOT ALLOWED")


@click.group()
def box() -> None:
    """The update box: keeps releases sealed, seals them anew for one device, collects receipts."""


for verb in (format_verb, allow, deny, rules):
    box.add_command(verb)


@box.command("init")
@_FOLDER
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


@box.command("certs")
@_FOLDER
@click.option(
    "--install", "file", required=True, type=click.Path(path_type=Path), help="The vendor's answer."
)
@answering
def certs(directory: Path, file: Path) -> Answer:
    """Install what the vendor answered with, or newer revocation lists from `updatebox vendor crl`."""
    bundle, opened = read_bundle(file, Role.BOX), _open(directory)
    vendor = bundle.anchor.vendor
    if not bundle.certificates:
        new = opened.install_lists(bundle)
        return Answer({"vendor": vendor, "lists": new}, f"{new} newer revocation lists of {vendor} are here.")
    opened.install_certificates(bundle)
    return Answer(
        {"vendor": vendor}, f"This box now belongs to {vendor}. Next: updatebox box import {directory} …"
    )


@box.command("import")
@places("box", source="PKGDIR|MEDIA")
@_USER
@answering
@_PIN
def import_release(directory: Path, source: str, user: str, pin: str) -> Answer:
    """Take in releases from a directory or medium; everything is verified first."""
    service = _open(directory)
    session = service.unlock(user, pin)
    with ProgressBars() as bars:
        found = service.import_release(Path(source), session, bars)
    lines = [
        f"{entry.product} {entry.version} (release {entry.index}, {entry.size:,} bytes)" for entry in found
    ]
    return Answer({"releases": found}, "In the store: " + "; ".join(lines))


@box.command("releases")
@_FOLDER
@answering
def releases(directory: Path) -> Answer:
    """List the releases in the store."""
    found = _open(directory).releases()
    lines = [
        f"{r.product:<20} {r.line:<8} {r.version:<12} {r.size:>15,}  {r.manifest_digest.hex()}" for r in found
    ]
    return Answer({"releases": found}, "\n".join(lines) or "There are no releases in the store yet.")


@box.command("packages")
@_FOLDER
@answering
def packages(directory: Path) -> Answer:
    """List the sealed packages on disk, and what a cut left of an import."""
    found = _open(directory).packages()
    lines = [
        f"{p.package_id}  {p.size:>15,}  "
        + (f"{p.product} {p.version}" if p.whole else "LEFT OVER; import the release again")
        for p in found
    ]
    return Answer({"packages": found}, "\n".join(lines) or "There are no packages in the store yet.")


@box.command("export")
@_FOLDER
@click.option("--receipts", "what", flag_value="receipts", help="The receipts, for the vendor to import.")
@click.option("--ledger", "what", flag_value="ledger", help="The ledger in JSON, for whoever checks it.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The file to write.")
@answering
def export(directory: Path, what: str | None, out: Path) -> Answer:
    """Write the receipts or the ledger into a file."""
    if what is None:
        raise Misuse("say what to export: --receipts or --ledger")
    opened = _open(directory)
    data, count = opened.export_receipts() if what == "receipts" else opened.export_ledger()
    write_file(out, data)
    things = "receipts are" if what == "receipts" else "entries of the ledger are"
    after = f" Take it to the vendor: updatebox vendor receipts --import {out}" if what == "receipts" else ""
    return Answer({"out": out, what: count}, f"{count} {things} in {out}.{after}")


@box.command("devices")
@_FOLDER
@answering
def devices(directory: Path) -> Answer:
    """List the devices that have asked or reported."""
    found = _open(directory).devices()
    lines = [
        f"{d.id:<24} {d.product:<20} {d.hardware:<12} request {d.counter}{_FORBIDDEN[not d.allowed]}"
        for d in found
    ]
    return Answer({"devices": found}, "\n".join(lines) or "No device has been seen yet.")


@box.command("receipts")
@_FOLDER
@answering
def receipts(directory: Path) -> Answer:
    """List the receipts that were collected, the newest first."""
    found = _open(directory).receipts()
    lines = []
    for entry in found:
        versions = f"{entry.version_before or '-'} → {entry.version_after or '-'}"
        code = f"  {entry.code}: {entry.advice}" if entry.code else ""
        lines.append(
            f"{entry.device_id:<24} {entry.outcome:<12} {versions}{code}{'  GAP BEFORE' if entry.gap else ''}"
        )
    return Answer({"receipts": found}, "\n".join(lines) or "No receipts have been collected yet.")


@box.command("ledger")
@_FOLDER
@click.option("--verify", is_flag=True, help="Check the whole chain of entries.")
@answering
def ledger(directory: Path, verify: bool) -> Answer:
    """List what was done at this box, the newest first."""
    service = _open(directory)
    if verify:
        state = service.check_ledger()
        text = (
            f"{state.entries} entries, all right."
            if state.place is None
            else f"Entry {state.place}: {state.problem}."
        )
        return Answer({"ledger": state}, text, 0 if state.place is None else 1)
    found = service.ledger()
    lines = [f"{e.sequence:>6}  {e.time}  {e.who:<14} {e.act:<14} {e.detail}" for e in found]
    return Answer({"entries": found}, "\n".join(lines))


@box.command("status")
@_FOLDER
@answering
def status(directory: Path) -> Answer:
    """Say whether the box is healthy."""
    found = _open(directory).status()
    if found.time:
        clock = f"{moment(found.time.time)} by {found.time.source}"
    else:
        clock = f"NOT TRUSTED ({found.time_problem})"
    if found.time_advice:
        clock += f"\n          {found.time_advice}"
    lock = f"locked until {found.tpm.locked_until}" if found.tpm.locked_until else "ready"
    text = (
        f"Box {found.id} of {found.vendor or 'no vendor yet'}\n"
        f"time      {clock}\n"
        f"TPM       {found.tpm.backend}, {lock}\n"
        f"store     {found.releases} releases, {found.devices} devices, {found.free:,} bytes free\n"
        + "".join(f"WARNING   {w.subject} expires within {w.within} days\n" for w in found.warnings)
        + ("REVOKED   the vendor revoked this box; it writes nothing any more\n" if found.revoked else "")
    )
    return Answer({"status": found}, text.rstrip())


@box.command("media")
@_FOLDER_AND_MEDIUM
@answering
def media(directory: Path, medium: str) -> Answer:
    """Say what is on a medium and what to do next."""
    found = _open(directory).survey(Path(medium))
    text = (
        f"{found.volume.kind} {found.volume.label or '(no label)'}, {found.volume.free:,} bytes free: "
        f"{len(found.requests)} requests, {len(found.packages)} packages, {found.receipts} new receipts, "
        f"{found.foreign} other files.\n{found.suggestion}"
    )
    return Answer({"medium": found}, text)


@box.command("admit")
@_FOLDER_AND_MEDIUM
@answering
def admit(directory: Path, medium: str) -> Answer:
    """Read and judge the requests on a medium."""
    found = _open(directory).admit(Path(medium))
    if not found:
        return Answer({"requests": ()}, f"There are no requests on {medium}; put it into the device first.")
    lines = []
    for entry in found:
        if entry.code is not None:
            lines.append(f"{entry.code}: {entry.device_id or entry.file}: {entry.detail}")
        else:
            offer = f"can get {entry.release_version}" if entry.release_version else "has the newest release"
            lines.append(
                f"{entry.device_id} ({entry.product}) runs {entry.version or 'no release'} and {offer}."
            )
    refusals = [Refusal(entry.code, entry.detail) for entry in found if entry.code is not None]
    return of_many({"requests": found}, lines, refusals, accepted=len(refusals) < len(found))


@box.command("write")
@_FOLDER_AND_MEDIUM
@click.option(
    "--device", "ids", multiple=True, required=True, help="A device that has asked; may be repeated."
)
@click.option("--release", "release_id", help="A manifest digest; default: the newest for the device.")
@click.option(
    "--mode",
    type=click.Choice([str(mode) for mode in Mode]),
    default=str(Mode.SEALED),
    show_default=True,
    help="One ciphertext a device, one for all, or none; the vendor's policy must allow it.",
)
@_USER
@answering
@_PIN
def write(
    directory: Path,
    medium: str,
    ids: tuple[str, ...],
    release_id: str | None,
    mode: str,
    user: str,
    pin: str,
) -> Answer:
    """Seal a release for devices, write it, read it back, and say when it is safe to remove."""
    service = _open(directory)
    session = service.unlock(user, pin)
    release = _digest(release_id) if release_id else None
    try:
        with ProgressBars() as bars:
            result = service.write(Path(medium), ids, session, bars, release=release, mode=Mode(mode))
    except Cancel:
        raise Misuse("cancelled; the medium is as it was") from None
    lines = [
        f"{entry.version} for {', '.join(entry.devices)}: {entry.size:,} bytes, read back ({entry.read_back})"
        for entry in result.packages
    ]
    return Answer({"packages": result.packages}, "\n".join([*lines, "Safe to remove."]))


@box.command("collect")
@_FOLDER_AND_MEDIUM
@answering
def collect(directory: Path, medium: str) -> Answer:
    """Read the receipts on a medium."""
    found = _open(directory).collect(Path(medium))
    lines = []
    for entry in found:
        if entry.receipt is None:
            lines.append(f"{entry.refusal}: {entry.file}: {entry.detail}")
            continue
        receipt = entry.receipt
        code = f" ({receipt.code}: {receipt.advice})" if receipt.code else ""
        seen = "" if entry.new else " (known)"
        versions = f"{receipt.version_before or '-'} → {receipt.version_after or '-'}"
        lines.append(f"{receipt.device_id}: {receipt.outcome} {versions}{code}{seen}")
    if not found:
        return Answer({"receipts": ()}, f"There are no receipts on {medium}.")
    refusals = [Refusal(entry.refusal, entry.detail) for entry in found if entry.refusal is not None]
    return of_many({"receipts": found}, lines, refusals, accepted=len(refusals) < len(found))


@box.command("directives")
@_FOLDER_AND_MEDIUM
@answering
def directives(directory: Path, medium: str) -> Answer:
    """Follow the vendor's directives to this box on a medium; import, admit and collect do so too."""
    found = _open(directory).follow(Path(medium))
    if not found:
        return Answer({"directives": ()}, f"There are no directives for this box on {medium}.")
    told = news(found, alone=True)
    refusals = [Refusal(entry.code, entry.detail) for entry in told if entry.code is not None]
    lines = list(map(directive_told, told))
    return of_many({"directives": found}, lines, refusals, accepted=len(refusals) < len(told))


@box.group("user")
def user_group() -> None:
    """The people who may unlock the box."""


@user_group.command("list")
@_FOLDER
@answering
def user_list(directory: Path) -> Answer:
    """List the people who may unlock the box."""
    found = _open(directory).users()
    return Answer({"users": found}, "\n".join(f"{user.name:<32} {user.role}" for user in found))


@user_group.command("add")
@_FOLDER_AND_NAME
@click.option(
    "--role",
    type=click.Choice([str(role) for role in UserRole]),
    required=True,
    help="Technicians import, write and collect; supervisors also decide who may.",
)
@_USER
@answering
@_PIN
@secret_options("new-pin", "new PIN", confirm=True)
def user_add(directory: Path, name: str, role: str, user: str, pin: str, new_pin: str) -> Answer:
    """Let another person use the box."""
    service = _open(directory)
    service.add_user(name, UserRole(role), new_pin, service.unlock(user, pin))
    return Answer({"user": name, "role": role}, f"{name} may use the box as {role}.")


@user_group.command("reset")
@_FOLDER_AND_NAME
@_USER
@answering
@_PIN
@secret_options("new-pin", "new PIN", confirm=True)
def user_reset(directory: Path, name: str, user: str, pin: str, new_pin: str) -> Answer:
    """Give a person a new PIN."""
    service = _open(directory)
    service.reset_user(name, new_pin, service.unlock(user, pin))
    return Answer({"user": name}, f"{name} has a new PIN.")


@user_group.command("remove")
@_FOLDER_AND_NAME
@_USER
@answering
@_PIN
def user_remove(directory: Path, name: str, user: str, pin: str) -> Answer:
    """Take a person's right away."""
    service = _open(directory)
    service.remove_user(name, service.unlock(user, pin))
    return Answer({"user": name}, f"{name} can no longer use the box.")


def _open(directory: Path) -> BoxService:
    return BoxService.open(directory, now=now)


def _digest(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Misuse(f"{text!r} is no manifest digest; see: updatebox box releases") from None
