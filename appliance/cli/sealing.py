"""updatebox vendor seal: a release that was made before, for boxes that did not get it then."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from appliance.cli.answer import Answer, answering
from appliance.cli.clock import now
from appliance.cli.components import component, takes_components
from appliance.cli.places import places
from appliance.cli.progress import ProgressBars
from appliance.cli.release_folder import FOR_BOXES, INTO, boxes_of, release_folder, sealed_in
from appliance.cli.secrets import secret_options
from appliance.vendor import SealOrder, Vendor
from media_format.errors import Misuse
from media_format.objects import ComponentKind
from media_format.volume import open_volume


@click.command("seal")
@places("vendor")
@click.option(
    "--release",
    "source",
    required=True,
    type=click.Path(path_type=Path),
    help="The directory that `vendor release` wrote it to.",
)
@click.option("--version", help="Which one, where the directory holds several.")
@takes_components("An image, or a hook, that the release was made of, and its slot.")
@FOR_BOXES
@INTO
@answering
@secret_options("passphrase", "vendor passphrase")
def seal(
    directory: Path,
    source: Path,
    version: str | None,
    components: tuple[str, ...],
    boxes: tuple[Path, ...],
    out: Path,
    passphrase: str,
) -> Answer:
    """Seal a release that was made before for further boxes, from the images it was made of.

    It stays the same release: its index and its digest are what they were.
    """
    if not source.is_dir():
        raise Misuse(f"{source} is no directory; name the one that `updatebox vendor release` wrote to")
    named = [component(text, ComponentKind.IMAGE) for text in components]
    images = {one.slot: one.path for one in named}
    if len(images) < len(named):
        raise Misuse("a slot is named twice with --component")
    opened = Vendor.open(directory, passphrase, now)
    order = SealOrder(images, boxes_of(opened, boxes), version)
    with (
        closing(open_volume(source, writable=False)) as held,
        release_folder(out) as volume,
        ProgressBars() as bars,
    ):
        built = opened.seal(volume, held, order, bars)
    text = (
        f"{built.product} {built.version}, release {built.index} of line {built.line}, is "
        f"{sealed_in(boxes, out / built.folder)}."
    )
    return Answer({"release": built, "out": out}, text)
