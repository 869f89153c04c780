"""What the verbs of a box share: its directory, who does it, and their PIN."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import click

from appliance.box import BoxService
from appliance.cli.clock import now
from appliance.cli.places import places
from appliance.cli.secrets import secret_options
from appliance.cli.table import LEAST
from media_format.errors import Misuse

FOLDER: Final = places("box")
FOLDER_AND_MEDIUM: Final = places("box", medium="MEDIA")
USER: Final = click.option("--user", default="supervisor", show_default=True, help="Who does this.")
PIN: Final = secret_options("pin", "PIN")
_DIGITS: Final = re.compile(rf"[0-9a-f]{{{LEAST},64}}")


def release_named(service: BoxService, text: str) -> bytes:
    """The manifest digest of the release that a person names by it, or by its first digits.

    Misuse for what is no digest, and for digits with which no release, or more than one, begins.
    """
    digits = text.lower()
    if not _DIGITS.fullmatch(digits):
        raise Misuse(
            f"{text!r} is no manifest digest, nor {LEAST} or more digits of one; see: updatebox box releases"
        )
    found = [
        release
        for retired in (False, True)
        for release in service.releases(retired=retired)
        if release.manifest_digest.hex().startswith(digits)
    ]
    if not found:
        raise Misuse(f"the box has no release {text}; see: updatebox box releases")
    if len(found) > 1:
        names = ", ".join(f"{one.product} {one.version} ({one.manifest_digest.hex()})" for one in found)
        raise Misuse(f"{text} is the beginning of {len(found)} releases: {names}")
    return found[0].manifest_digest


def open_box(directory: Path) -> BoxService:
    """The box in a directory."""
    return BoxService.open(directory, now=now)
