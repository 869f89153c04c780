"""updatebox box import, releases, packages: what is in the store."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.cli.answer import Answer, answering
from appliance.cli.box_parts import FOLDER, PIN, USER, open_box
from appliance.cli.places import places
from appliance.cli.progress import ProgressBars


@click.command("import")
@places("box", source="PKGDIR|MEDIA")
@USER
@answering
@PIN
def import_release(directory: Path, source: str, user: str, pin: str) -> Answer:
    """Take in releases from a directory or medium; everything is verified first."""
    service = open_box(directory)
    session = service.unlock(user, pin)
    with ProgressBars() as bars:
        found = service.import_release(Path(source), session, bars)
    lines = [
        f"{entry.product} {entry.version} (release {entry.index}, {entry.size:,} bytes)" for entry in found
    ]
    return Answer({"releases": found}, "In the store: " + "; ".join(lines))


@click.command("releases")
@FOLDER
@answering
def releases(directory: Path) -> Answer:
    """List the releases in the store."""
    found = open_box(directory).releases()
    lines = [
        f"{r.product:<20} {r.line:<8} {r.version:<12} {r.size:>15,}  {r.manifest_digest.hex()}" for r in found
    ]
    return Answer({"releases": found}, "\n".join(lines) or "There are no releases in the store yet.")


@click.command("packages")
@FOLDER
@answering
def packages(directory: Path) -> Answer:
    """List the sealed packages on disk, and what a cut left of an import."""
    found = open_box(directory).packages()
    lines = [
        f"{p.package_id}  {p.size:>15,}  "
        + (f"{p.product} {p.version}" if p.whole else "LEFT OVER; import the release again")
        for p in found
    ]
    return Answer({"packages": found}, "\n".join(lines) or "There are no packages in the store yet.")
