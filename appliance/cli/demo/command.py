"""The verb `updatebox demo`."""

from __future__ import annotations

import re
from pathlib import Path

import click

from appliance.cli.answer import Answer, answering
from appliance.cli.demo import story, summary
from appliance.cli.demo.firmware import require_tool
from appliance.cli.demo.workshop import Workshop, clear
from appliance.cli.progress import ProgressBars
from media_format.durable import replace_file
from media_format.errors import Misuse

_MARK = ".updatebox-demo"
_UNITS = {"": 1, "kib": 1024, "mib": 1024**2, "gib": 1024**3}


@click.command()
@click.argument(
    "directory", metavar="[DIR]", default="demo", type=click.Path(path_type=Path, file_okay=False)
)
@click.option("--firmware", type=click.Path(path_type=Path, dir_okay=False), help="Any file, as firmware.")
@click.option("--size", default="64MiB", show_default=True, help="Size of the firmware image that is made.")
@answering
def demo(directory: Path, firmware: Path | None, size: str) -> Answer:
    """Run the whole loop on this machine: vendor, box, stick, two devices, attacks, receipts."""
    wanted = _bytes(size)
    require_tool("mkfs.fat", "dosfstools")
    _prepare(directory, firmware)
    with ProgressBars() as bars:
        shop = Workshop(directory, bars, lambda line: click.echo(line, err=True))
        outcomes = story.play(shop, firmware, wanted)
    return Answer(summary.write(shop, outcomes), summary.tell(shop, outcomes))


def _prepare(directory: Path, firmware: Path | None) -> None:
    if firmware is not None and not firmware.is_file():
        raise Misuse(f"{firmware}: there is no such file")
    if directory.exists() and any(directory.iterdir()) and not (directory / _MARK).exists():
        raise Misuse(f"{directory} is not empty and not a demo's; name another directory")
    directory.mkdir(parents=True, exist_ok=True)
    clear(directory)
    replace_file(directory / _MARK, b"Made by updatebox demo; the next demo here starts anew.\n", 0o644)


def _bytes(text: str) -> int:
    found = re.fullmatch(r"(\d+)\s*(kib|mib|gib|)", text.strip().lower())
    if not found or not 8 * 1024**2 <= int(found[1]) * _UNITS[found[2]] <= 1024**4:
        raise Misuse(f"{text!r} is no size; write for example 64MiB (at least 8MiB)")
    return int(found[1]) * _UNITS[found[2]]
