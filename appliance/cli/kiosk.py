"""updatebox tui: the technician's kiosk."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.box import BoxService
from appliance.cli.answer import Answer, answering
from appliance.cli.clock import now
from appliance.cli.places import places
from tui.app import Kiosk


@click.command()
@places("box")
@click.option(
    "--medium", "media", multiple=True, type=click.Path(path_type=Path), help="A medium that is always there."
)
@click.option(
    "--watch", "folders", multiple=True, type=click.Path(path_type=Path), help="Where media are mounted."
)
@click.option("--udev/--no-udev", default=True, help="Notice block devices.")
@click.option("--kiosk", is_flag=True, help="Cannot be left: for a box that shows nothing else.")
@answering
def tui(
    directory: Path, media: tuple[Path, ...], folders: tuple[Path, ...], udev: bool, kiosk: bool
) -> Answer:
    """The kiosk of the box in DIR."""
    service = BoxService.open(directory, now=now)
    with service.watch_media(udev=udev, directories=folders) as watcher:
        Kiosk(service, watcher, fixed=media, may_quit=not kiosk).run()
    return Answer({}, "")
