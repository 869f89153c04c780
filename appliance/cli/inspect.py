"""updatebox inspect: explains any object, package or medium."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.cli.answer import Answer, answering
from appliance.cli.clock import now
from appliance.cli.explain import Explanation, told
from appliance.cli.explain.anchored import Anchored
from appliance.cli.explain.judgement import Standpoint
from appliance.cli.explain.medium import Explainer
from appliance.cli.files import naming, read_file, reading
from appliance.cli.quantities import Moment
from appliance.media import open_medium
from appliance.trust.bundle import ANCHOR_LABEL, MAX_BUNDLE, Bundle
from appliance.trust.crl import RevocationLists
from media_format.errors import MachineFault, Misuse
from media_format.objects import TrustAnchor
from media_format.receipt_file import MAX_FILE
from media_format.refusal import Code, Refusal


@click.command()
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@click.option(
    "--anchor",
    "anchor",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Judge under this vendor's roots: what it answered an enrolment with, or its anchor.cbr.",
)
@click.option(
    "--as",
    "machine",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Say what the box or device in DIR would answer. Nothing is changed there, but its keystore "
    "is started and keeps a line about each use of a key.",
)
@click.option(
    "--at", type=Moment(), help="Judge at this time; default: now, or what the machine's clock says."
)
@answering
def inspect(path: Path, anchor: Path | None, machine: Path | None, at: int | None) -> Answer:
    """Explain an object, a package or a medium: who signed, for whom, valid when, what is inside.

    PATH is any file of the project, the folder of a package, a FAT image, a block device, or a directory
    where a medium is mounted. Signatures are held against the keys that came along; with --anchor or --as
    also against the roots that are trusted, and each thing gets an answer: accepted, or refused and why. What
    else is wrong with it, or soon will be, stands below. The JSON object holds every field.
    """
    if not path.exists():
        raise Misuse(f"{path}: there is no such file or directory")
    if anchor is not None and machine is not None:
        raise Misuse("--as brings the machine's own trust anchor: leave --anchor out")
    standpoint = _as(machine, at) if machine else _under(anchor, at) if anchor else None
    explainer = Explainer(now() if at is None else at, standpoint)
    found = _object(path, explainer) if path.is_file() else None
    loops = standpoint.loops if standpoint else ()
    explained = [found] if found is not None else _medium(path, explainer, loops)
    if not explained:
        raise Refusal(Code.MALFORMED, f"{path} holds nothing of this project")
    shown: set[str] = set()
    return Answer({"found": explained}, "\n\n".join(told(one, shown) for one in explained))


def _object(path: Path, explainer: Explainer) -> Explanation | None:
    with reading(path) as file:
        found = explainer.large(file)
    if found is not None or path.stat().st_size > MAX_FILE:
        return found
    return explainer.file(read_file(path, MAX_FILE))


def _medium(path: Path, explainer: Explainer, loops: tuple[Path, ...]) -> list[Explanation]:
    try:
        volume = open_medium(path, writable=False, loops=loops)
    except Refusal as refusal:
        if path.is_file() and refusal.code is Code.MEDIUM_UNREADABLE:
            raise Refusal(
                Code.MALFORMED, f"{path} is neither an object of this project nor a FAT image"
            ) from None
        raise
    try:
        return list(explainer.medium(volume))
    finally:
        volume.close()


def _under(file: Path, at: int | None) -> Standpoint:
    """The standpoint of a trust anchor. Misuse for a file that holds none."""
    data = read_file(file, MAX_BUNDLE)
    with naming(file):
        if ANCHOR_LABEL.encode() in data:
            bundle = Bundle.from_pem(data)
            anchor, lists = bundle.anchor, bundle.lists()
        else:
            anchor = TrustAnchor.from_bytes(data)
            lists = RevocationLists(anchor)
    return Anchored(anchor, lists, now() if at is None else at)


def _as(folder: Path, at: int | None) -> Standpoint:
    """The standpoint of the machine in a folder. Misuse where none is there."""
    if (folder / "device.toml").is_file():
        from appliance.cli.explain.as_device import AsDevice  # a box has no use for it

        return AsDevice(folder, at)
    if not (folder / "box.toml").is_file():
        raise Misuse(f"{folder} is the directory of neither a box nor a device")
    try:
        from appliance.cli.explain.as_box import AsBox  # its database is not there on a device
    except ModuleNotFoundError as error:
        raise MachineFault(f"a box needs {error.name}; run: pip install 'updatebox[box]'") from None
    return AsBox(folder, at)
