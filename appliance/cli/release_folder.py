"""Releases on their way to boxes: for which they are sealed, and the directory they are written into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import click

from appliance.cli.quantities import counted
from media_format.errors import Misuse
from media_format.package import list_packages
from media_format.volume import Volume, open_volume

FOR_BOXES: Final = click.option(
    "--for",
    "boxes",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="A box's certificates.",
)
INTO: Final = click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="The directory to write into."
)


@contextmanager
def release_folder(out: Path) -> Iterator[Volume]:
    """Make the directory where it is missing, and open it. Misuse where something else is there."""
    if out.exists() and not out.is_dir():
        raise Misuse(f"{out} is no directory; releases are written into one")
    out.mkdir(parents=True, exist_ok=True)
    with closing(open_volume(out, writable=True)) as volume:
        yield volume


def check_holds_none(out: Path, volume: Volume) -> None:
    """Misuse for a directory with packages in it: a box that is given it would take in all of them.

    What is mounted is a medium, which carries several.
    """
    packages = list_packages(volume)
    if packages and not out.is_mount():
        raise Misuse(
            f"{out} holds {counted(len(packages), 'package')} already, and boxes import all of them; name"
            " another directory, or add --add"
        )
