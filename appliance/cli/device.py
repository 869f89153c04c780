"""updatebox device: requests, updates, boot, and the agent that does it by itself."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from appliance.cli.answer import Answer, answering, refused
from appliance.cli.applied import applied
from appliance.cli.clock import now
from appliance.cli.files import read_bundle, write_file
from appliance.cli.places import places
from appliance.cli.progress import ProgressBars
from appliance.cli.quantities import Size
from appliance.device import ApplyResult, Device, DeviceConfiguration, WatchSettings
from appliance.device.agent import watch as watch_media
from appliance.media import MediaWatcher, open_medium
from appliance.trust.enrolment import read_enrolment
from media_format import limits
from media_format.errors import Misuse
from media_format.objects import Role
from media_format.volume.seam import Volume

_FOLDER = places("device")
_FOLDER_AND_MEDIUM = places("device", medium="MEDIA")


@click.group()
def device() -> None:
    """The device: asks for updates, checks and installs them, reports."""


@device.command("init")
@_FOLDER
@click.option("--id", "device_id", required=True, help="The device's name, for instance its serial number.")
@click.option("--product", required=True, help="What the device is.")
@click.option("--line", default="main", show_default=True, help="The line of releases it follows.")
@click.option("--hardware", required=True, help="The revision that releases name.")
@click.option(
    "--slot", "slots", multiple=True, required=True, metavar="NAME=A,B", help="A slot and its two banks."
)
@click.option(
    "--slot-size",
    type=Size(),
    default=256 * limits.MIB,
    show_default=True,
    help="Bytes of banks to be made.",
)
@click.option("--epoch", type=int, default=1, show_default=True, help="Counts the device's enrolments.")
@click.option("--tpm", default="soft:tpm", show_default=True, metavar="URI", help="Where the keys live.")
@click.option(
    "--watch", "folders", multiple=True, type=click.Path(path_type=Path), help="Where media are mounted."
)
@click.option(
    "--loop", "loops", multiple=True, type=click.Path(path_type=Path), help="A loop device that counts."
)
@click.option("--udev/--no-udev", default=True, help="Notice block devices.")
@answering
def init(
    directory: Path,
    device_id: str,
    product: str,
    line: str,
    hardware: str,
    slots: tuple[str, ...],
    slot_size: int,
    epoch: int,
    tpm: str,
    folders: tuple[Path, ...],
    loops: tuple[Path, ...],
    udev: bool,
) -> Answer:
    """Create a device's state and keys; leaves the enrolment request for the vendor."""
    configuration = DeviceConfiguration(
        id=device_id,
        product=product,
        line=line,
        hardware=hardware,
        slots=_slots(slots),
        epoch=epoch,
        tpm=tpm,
        watch=WatchSettings(udev, tuple(path.absolute() for path in folders), loops),
    )
    request = Device.create(directory, configuration, now, slot_size=slot_size).enrolment()
    path = directory / "enrolment.req"
    write_file(path, request)
    fingerprint = read_enrolment(request).digest.hex()
    text = (
        f"Device {device_id} is made. Fingerprint: {fingerprint}\n"
        f"Take {path} to the vendor (updatebox vendor enrol device), then run:\n"
        f"updatebox device certs {directory} --install FILE"
    )
    return Answer({"id": device_id, "enrolment": path, "fingerprint": fingerprint}, text)


@device.command("certs")
@_FOLDER
@click.option(
    "--install", "file", required=True, type=click.Path(path_type=Path), help="The vendor's answer."
)
@answering
def certs(directory: Path, file: Path) -> Answer:
    """Install the certificates and the trust anchor that the vendor answered with."""
    bundle = read_bundle(file, Role.DEVICE)
    if not bundle.certificates:
        raise Misuse(f"{file} holds revocation lists and no certificates; boxes bring lists to devices")
    opened, vendor = _open(directory), bundle.anchor.vendor
    renewed = opened.is_enrolled
    opened.install_certificates(bundle)
    if renewed:
        text = f"The certificates of this device are now those that {vendor} renewed."
        return Answer({"vendor": vendor}, text)
    return Answer(
        {"vendor": vendor}, f"This device trusts {vendor} now. Next: updatebox device request {directory} …"
    )


@device.command("request")
@_FOLDER_AND_MEDIUM
@answering
def request(directory: Path, medium: str) -> Answer:
    """Write a signed request to a medium."""
    opened = _open(directory)
    with _medium(opened, medium) as volume:
        written = opened.write_request(volume)
    text = f"{written.device_id} asks for an update (request {written.counter}). Take the medium to the box."
    return Answer({"device": written.device_id, "counter": written.counter}, text)


@device.command("apply")
@_FOLDER_AND_MEDIUM
@click.option("--dry-run", is_flag=True, help="Judge only; change nothing.")
@click.option("--retry", is_flag=True, help="Try releases again that failed here or were installed before.")
@answering
def apply(directory: Path, medium: str, dry_run: bool, retry: bool) -> Answer:
    """Check the packages on a medium and install the one that is for this device."""
    opened = _open(directory)
    with _medium(opened, medium) as volume, ProgressBars() as bars:
        result = opened.apply(volume, dry_run=dry_run, retry=retry, report=bars)
    return applied(result, dry_run=dry_run)


@device.command("watch")
@_FOLDER
@click.option("--once", is_flag=True, help="Stop after the first medium that was dealt with.")
@answering
def watch(directory: Path, once: bool) -> Answer:
    """The agent: applies what is for this device whenever a medium is there, until it is stopped."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    opened = _open(directory)
    settings = opened.configuration.watch
    if not opened.status().enrolled:
        raise Misuse(f"no certificates yet; run: updatebox device certs {directory} --install FILE")
    if not settings.udev and not settings.directories:
        raise Misuse(f"{directory}/device.toml names nothing to watch: neither udev nor a directory")
    seen = _Seen()
    watcher = MediaWatcher(udev=settings.udev, directories=settings.directories, loops=settings.loops)

    def done(path: Path, result: ApplyResult) -> None:
        seen.media, seen.last = seen.media + 1, result
        click.echo(f"{path}: {applied(result).text}", err=True)
        if once:
            watcher.close()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: watcher.close())
    click.echo("watching for media", err=True)
    try:
        watch_media(opened, watcher, done)
    finally:
        watcher.close()
    return Answer({"media": seen.media, "last": seen.last}, "")


@dataclass(slots=True)
class _Seen:
    """What the agent dealt with; of all but the last medium no more than the number."""

    media: int = 0
    last: ApplyResult | None = None


@device.command("status")
@_FOLDER
@answering
def status(directory: Path) -> Answer:
    """Say what the device runs and what waits."""
    found = _open(directory).status()
    waits = "waits to be confirmed" if found.booted else "is installed and waits for its boot"
    waiting = f"\n{found.pending} {waits}." if found.pending else ""
    if not found.enrolled:
        waiting += f"\nNot enrolled yet; next: updatebox device certs {directory} --install FILE"
    text = (
        f"{found.id} ({found.product}/{found.line} on {found.hardware}) runs {found.version or 'no release'} "
        f"(confirmed index {found.index or '-'}, floor {found.security_floor}); "
        f"{_receipts(found.receipts)} for the box.{waiting}"
    )
    return Answer({"status": found}, text)


def _receipts(count: int) -> str:
    return "1 receipt waits" if count == 1 else f"{count or 'no'} receipts wait"


@device.command("confirm")
@_FOLDER
@answering
def confirm(directory: Path) -> Answer:
    """Declare the running release good: the health check of the device calls this."""
    version = _open(directory).confirm()
    return Answer({"version": version}, f"{version} is confirmed.")


@device.command("rollback")
@_FOLDER
@answering
def rollback(directory: Path) -> Answer:
    """Return to the release before, as far as the security floor allows."""
    version = _open(directory).rollback()
    return Answer({"version": version}, f"The device boots {version or 'what it had'} again.")


@device.command("verify-boot")
@_FOLDER
@answering
def verify_boot(directory: Path) -> Answer:
    """Check the slots that are about to run, and fall back where they are not right.

    Falling back is a refusal of what was to run; the JSON object then says `fell_back`, and in `banks`
    what boots instead. A refusal without them means that nothing may boot.
    """
    result = _open(directory).verify_boot()
    text = f"{result.version or 'The factory release'} boots{' on trial' if result.on_trial else ''}."
    if result.confirmed is not None:
        text += f" It is older than the release that was confirmed last (number {result.confirmed})."
    data = {
        "version": result.version,
        "banks": result.banks,
        "on_trial": result.on_trial,
        "fell_back": result.fell_back is not None,
        "confirmed": result.confirmed,
    }
    if result.fell_back is None:
        return Answer(data, text)
    answer = refused(result.fell_back)
    return Answer({**answer.data, **data}, f"{answer.text}\nFell back. {text}", answer.status)


@contextmanager
def _medium(opened: Device, medium: str) -> Iterator[Volume]:
    volume = open_medium(Path(medium), writable=True, loops=opened.configuration.watch.loops)
    try:
        yield volume
    finally:
        volume.close()


def _open(directory: Path) -> Device:
    return Device.open(directory, now)


def _slots(texts: tuple[str, ...]) -> dict[str, tuple[Path, Path]]:
    slots: dict[str, tuple[Path, Path]] = {}
    for text in texts:
        name, equals, banks = text.partition("=")
        first, comma, second = banks.partition(",")
        if not (name and equals and first and comma and second):
            raise Misuse(f"{text!r}: write a slot as NAME=A,B")
        if name in slots:
            raise Misuse(f"the slot {name} is named twice")
        slots[name] = Path(first), Path(second)
    return slots
