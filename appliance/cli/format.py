"""updatebox box format: make a medium ready for use."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from appliance.box import BoxService
from appliance.cli.answer import Answer, answering
from appliance.cli.clock import now
from appliance.cli.places import places
from appliance.cli.progress import ProgressBars
from appliance.media.formatting import LABEL
from appliance.media.health import medium_facts
from media_format.errors import Misuse


@click.command("format")
@places("box", medium="DEVICE")
@click.option("--label", default=LABEL, show_default=True, help="The name of the volume.")
@click.option("--full", is_flag=True, help="Write and read back every block before; takes long.")
@click.option("--image", is_flag=True, help="DEVICE is an image file, and may be overwritten.")
@click.option("--yes", is_flag=True, help="Do not ask; everything on the medium is lost.")
@answering
def format_verb(directory: Path, medium: str, label: str, full: bool, image: bool, yes: bool) -> Answer:
    """Erase a medium, check that it holds what it claims, and put an empty FAT volume on it."""
    path = Path(medium)
    service = BoxService.open(directory, now=now)
    if not yes:
        _ask(path)
    with ProgressBars() as bars:
        done = service.format(path, bars, label=label, image=image, full=full)
    text = (
        f"{done.path} is ready: {done.kind} {done.label}, {done.capacity:,} bytes free, "
        f"capacity check {done.check}, read back ({done.read_back})."
    )
    return Answer({"medium": done}, text)


def _ask(path: Path) -> None:
    """Once, and saying what will be lost."""
    if not sys.stdin.isatty():
        raise Misuse(f"everything on {path} would be lost; say --yes if that is meant")
    what = f"{path}"
    if path.is_block_device():
        facts = medium_facts(path)
        what += f" ({facts.bus}, {facts.size:,} bytes {facts.vendor} {facts.model}".rstrip() + ")"
    if not click.confirm(f"Everything on {what} will be lost. Go on?", err=True):
        raise Misuse("nothing was changed")
