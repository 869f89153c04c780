"""updatebox box import, releases, packages, retire: what is in the store."""

from __future__ import annotations

from pathlib import Path

import click

from appliance.box import ReleaseInfo, StoredPackage
from appliance.cli.answer import Answer, about, answering, of_many
from appliance.cli.box_parts import FOLDER, PIN, USER, open_box, release_named
from appliance.cli.places import places
from appliance.cli.progress import ProgressBars
from appliance.cli.table import folded, short
from media_format.errors import Misuse
from media_format.refusal import Refusal


@click.command("import")
@places("box", repeated=True, sources="PKGDIR|MEDIA")
@USER
@answering
@PIN
def import_release(directory: Path, sources: tuple[str, ...], user: str, pin: str) -> Answer:
    """Take in releases from directories or media; everything is verified first."""
    service = open_box(directory)
    session = service.unlock(user, pin)
    found: list[ReleaseInfo] = []
    refusals: list[Refusal] = []
    mistakes: list[str] = []
    lines: list[str] = []
    with ProgressBars() as bars:
        for source in sources:
            try:
                found += service.import_release(Path(source), session, bars)
            except Refusal as refusal:
                if len(sources) == 1:
                    raise
                refusals.append(refusal)
                lines.append(f"{refusal.code}: {about(source, refusal.detail)}")
            except Misuse as misuse:
                mistakes.append(about(source, str(misuse)))
    if mistakes and not found and not refusals:
        raise Misuse("\n".join(mistakes))
    lines += mistakes
    if found:
        lines.insert(0, "In the store: " + "; ".join(map(_described, found)))
    return of_many({"releases": found}, lines, refusals, accepted=bool(found))


def _described(release: ReleaseInfo) -> str:
    return f"{release.product} {release.version} (release {release.index}, {release.size:,} bytes)"


@click.command("releases")
@FOLDER
@click.option("--retired", is_flag=True, help="Those that were retired, instead.")
@answering
def releases(directory: Path, retired: bool) -> Answer:
    """List the releases in the store."""
    found = open_box(directory).releases(retired=retired)
    if not found:
        return Answer({"releases": ()}, f"There are no {'retired ' if retired else ''}releases in the store.")
    head = f"{'PRODUCT':<20} {'LINE':<8} {'VERSION':<12} {'BYTES':>15}  RELEASE"
    return Answer({"releases": found}, "\n".join([head, *map(_line, found)]))


def _line(release: ReleaseInfo) -> str:
    kind = f"{release.product:<20} {release.line:<8} {release.version:<12}"
    return folded(f"{kind} {release.size:>15,}  {short(release.manifest_digest.hex())}", 21)


@click.command("packages")
@FOLDER
@answering
def packages(directory: Path) -> Answer:
    """List the sealed packages on disk, and what a cut left of an import."""
    found = open_box(directory).packages()
    lines = [folded(f"{package.package_id}  {package.size:>15,}  {_use(package)}", 51) for package in found]
    return Answer({"packages": found}, "\n".join(lines) or "There are no packages in the store yet.")


def _use(package: StoredPackage) -> str:
    named = f"{package.product} {package.version}"
    if package.retired:
        return f"{named}: RETIRED; it goes with the next import or retirement"
    return named if package.whole else "LEFT OVER; import the release again"


@click.command("retire")
@FOLDER
@click.option(
    "--release",
    "ids",
    multiple=True,
    required=True,
    help="A manifest digest, or its first digits (updatebox box releases); may be repeated.",
)
@USER
@answering
@PIN
def retire(directory: Path, ids: tuple[str, ...], user: str, pin: str) -> Answer:
    """Take releases off the offer and remove their packages; importing one again brings it back."""
    service = open_box(directory)
    wanted = [release_named(service, text) for text in ids]
    session = service.unlock(user, pin)
    found = [service.retire(digest, session) for digest in wanted]
    lines = [f"{_described(release)} is retired." for release in found]
    return Answer({"releases": found}, "\n".join(lines))
