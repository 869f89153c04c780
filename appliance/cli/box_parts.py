"""What the verbs of a box share: its directory, who does it, and their PIN."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from appliance.box import BoxService
from appliance.cli.clock import now
from appliance.cli.places import places
from appliance.cli.secrets import secret_options
from media_format.errors import Misuse

FOLDER: Final = places("box")
FOLDER_AND_MEDIUM: Final = places("box", medium="MEDIA")
USER: Final = click.option("--user", default="supervisor", show_default=True, help="Who does this.")
PIN: Final = secret_options("pin", "PIN")


def manifest_digest(text: str) -> bytes:
    """A release as a person names it. Misuse for what is no digest."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Misuse(f"{text!r} is no manifest digest; see: updatebox box releases") from None


def open_box(directory: Path) -> BoxService:
    """The box in a directory."""
    return BoxService.open(directory, now=now)
