"""Releases on their way to boxes: for which they are sealed, and the directory they are written into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import click

from appliance.cli.files import naming, read_bundle
from appliance.cli.quantities import counted
from appliance.trust.bundle import Bundle
from appliance.vendor import Vendor
from media_format.errors import Misuse
from media_format.objects import Role
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
    """Make the directory where it is missing, and open it. Misuse where something else is there.

    One that was made, and that nothing was written into when something is raised, is removed.
    """
    if out.exists() and not out.is_dir():
        raise Misuse(f"{out} is no directory; releases are written into one")
    made = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    try:
        with closing(open_volume(out, writable=True)) as volume:
            yield volume
    except BaseException:
        if made:
            with suppress(OSError):  # it is not empty
                out.rmdir()
        raise


def boxes_of(opened: Vendor, paths: Sequence[Path]) -> tuple[Bundle, ...]:
    """The boxes that certificates are of. A refusal of one names its file."""
    found = []
    for path in paths:
        found.append(read_bundle(path, Role.BOX))
        with naming(path):
            opened.check_box(found[-1])
    return tuple(found)


def sealed_in(boxes: Sequence[Path], place: Path) -> str:
    """For how many boxes a release is sealed, and where it lies, in words."""
    return f"sealed for {len(boxes)} {'box' if len(boxes) == 1 else 'boxes'} in {place}"


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
