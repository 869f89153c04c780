"""updatebox box media, admit, write, collect, directives: what is done with a medium."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.box import Admission, Cancel, Written
from appliance.cli.answer import Answer, about, answering, of_many
from appliance.cli.box_parts import FOLDER_AND_MEDIUM, PIN, USER, open_box, release_named
from appliance.cli.orders import directive_told, news
from appliance.cli.progress import ProgressBars
from appliance.cli.quantities import amount, counted
from media_format.errors import Misuse
from media_format.objects import Mode
from media_format.refusal import Refusal


@click.command("media")
@FOLDER_AND_MEDIUM
@answering
def media(directory: Path, medium: str) -> Answer:
    """Say what is on a medium and what to do next."""
    found = open_box(directory).survey(Path(medium))
    text = (
        f"{found.volume.kind} {found.volume.label or '(no label)'}, {found.volume.free:,} bytes free: "
        f"{counted(len(found.requests), 'request')}, {counted(len(found.packages), 'package')}, "
        f"{counted(found.receipts, 'new receipt')}, {counted(found.foreign, 'other file')}.\n"
        f"{found.suggestion}"
    )
    return Answer({"medium": found}, text)


@click.command("admit")
@FOLDER_AND_MEDIUM
@answering
def admit(directory: Path, medium: str) -> Answer:
    """Read and judge the requests on a medium."""
    found = open_box(directory).admit(Path(medium))
    if not found:
        return Answer({"requests": ()}, f"There are no requests on {medium}; put it into the device first.")
    lines = []
    for entry in found:
        if entry.code is not None:
            lines.append(f"{entry.code}: {about(entry.device_id or entry.file, entry.detail)}")
        else:
            running = f"{entry.device_id} ({entry.product}) runs {entry.version or 'no release'}"
            lines.append(f"{running} and {_offer(entry)}.\n  Admitted: {entry.detail}.")
    lines += dict.fromkeys(entry.withheld.advice for entry in found if entry.withheld is not None)
    refusals = [Refusal(entry.code, entry.detail) for entry in found if entry.code is not None]
    return of_many({"requests": found}, lines, refusals, accepted=len(refusals) < len(found))


def _offer(entry: Admission) -> str:
    """What a device can get, and what not."""
    if entry.unconfirmed is not None:
        return f"has {entry.unconfirmed} installed, not confirmed yet"
    if entry.withheld is None:
        return f"can get {entry.release_version}" if entry.release_version else "has the newest release"
    new = entry.withheld.version
    return f"can get {entry.release_version}, not {new}" if entry.release_version else f"cannot get {new}"


@click.command("write")
@FOLDER_AND_MEDIUM
@click.option(
    "--device", "ids", multiple=True, required=True, help="A device that has asked; may be repeated."
)
@click.option(
    "--release",
    "release_id",
    help="A manifest digest, or its first digits (updatebox box releases); default: the newest that fits.",
)
@click.option(
    "--mode",
    type=click.Choice([str(mode) for mode in Mode]),
    default=str(Mode.SEALED),
    show_default=True,
    help="One ciphertext a device, one for all, or none; the vendor's policy must allow it.",
)
@click.option("--whole", is_flag=True, help="Write also the chunks that the devices have already.")
@click.option(
    "--ahead",
    is_flag=True,
    help="Without a new request, for devices that asked once; a policy may forbid it.",
)
@USER
@answering
@PIN
def write(
    directory: Path,
    medium: str,
    ids: tuple[str, ...],
    release_id: str | None,
    mode: str,
    whole: bool,
    ahead: bool,
    user: str,
    pin: str,
) -> Answer:
    """Seal a release for devices, write it, read it back, and say when it is safe to remove."""
    service = open_box(directory)
    release = release_named(service, release_id) if release_id else None
    session = service.unlock(user, pin)
    try:
        with ProgressBars() as bars:
            result = service.write(
                *(Path(medium), ids, session, bars),
                release=release,
                mode=Mode(mode),
                whole=whole,
                ahead=ahead,
            )
    except Cancel:
        raise Misuse("cancelled; the medium is as it was") from None
    lines = [
        f"{entry.version} for {', '.join(entry.devices)}: {_size(entry)}, read back ({entry.read_back})"
        for entry in result.packages
    ]
    return Answer({"packages": result.packages}, "\n".join([*lines, "Safe to remove."]))


def _size(package: Written) -> str:
    """How large a package is, and how large it would be with the chunks that its devices have."""
    size = f"{package.size:,} bytes"
    if package.size == package.whole:
        return size
    part = 100 * package.size / package.whole
    return f"{size} ({part:.1f} % of {amount(package.whole)}; the rest is on the device already)"


@click.command("collect")
@FOLDER_AND_MEDIUM
@answering
def collect(directory: Path, medium: str) -> Answer:
    """Read the receipts on a medium."""
    found = open_box(directory).collect(Path(medium))
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


@click.command("directives")
@FOLDER_AND_MEDIUM
@answering
def directives(directory: Path, medium: str) -> Answer:
    """Follow the vendor's directives to this box on a medium; import, admit and collect do so too."""
    found = open_box(directory).follow(Path(medium))
    if not found:
        return Answer({"directives": ()}, f"There are no directives for this box on {medium}.")
    told = news(found, alone=True)
    refusals = [Refusal(entry.code, entry.detail, entry.advice) for entry in told if entry.code is not None]
    lines = list(map(directive_told, told))
    return of_many({"directives": found}, lines, refusals, accepted=len(refusals) < len(told))
