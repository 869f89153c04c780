"""updatebox tui: the technician's kiosk."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.box import BoxService
from appliance.cli.answer import Answer, answering
from appliance.cli.clock import now
from tui.app import Kiosk


@click.command()
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--medium", "media", multiple=True, type=click.Path(path_type=Path), help="A medium that is always there."
)
@click.option(
    "--watch", "folders", multiple=True, type=click.Path(path_type=Path), help="Where media are mounted."
)
@click.option("--udev/--no-udev", default=True, help="Notice block devices.")
@answering
def tui(directory: Path, media: tuple[Path, ...], folders: tuple[Path, ...], udev: bool) -> Answer:
    """The kiosk of the box in DIR."""
    Kiosk(BoxService.open(directory, now=now), fixed=media, directories=folders, udev=udev).run()
    return Answer({}, "")
