"""The program `updatebox`: a group of verbs for each role, loaded when one is asked for."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from appliance.cli.answer import FAILED, INTERRUPTED
from appliance.process.hardening import close_memory

_EXTRA: Final = "box"
"""What installs `Loadable.needs`."""


@dataclass(frozen=True, slots=True)
class Loadable:
    """What can be said of a command before it is loaded.

    `place` is MODULE:COMMAND; `summary` is the first sentence of the command's help; `needs` are packages
    that only an extra installs.
    """

    place: str
    summary: str
    needs: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """The summary, or what is to be installed first."""
        return self.summary if all(map(find_spec, self.needs)) else f"(needs the extra '{_EXTRA}')"


_COMMANDS: Final = {
    "demo": Loadable(
        "appliance.cli.demo.command:demo",
        "Run the whole loop on this machine: vendor, box, stick, two devices, attacks, receipts.",
        ("sqlalchemy", "textual"),
    ),
    "vendor": Loadable(
        "appliance.cli.vendor:vendor",
        "The vendor: enrols boxes and devices, signs and seals releases, revokes.",
    ),
    "box": Loadable(
        "appliance.cli.box:box",
        "The update box: keeps releases sealed, seals them anew for one device, collects receipts.",
        ("sqlalchemy",),
    ),
    "device": Loadable(
        "appliance.cli.device:device", "The device: asks for updates, checks and installs them, reports."
    ),
    "inspect": Loadable(
        "appliance.cli.inspect:inspect",
        "Explain an object, a package or a medium: who signed, for whom, valid when, what is inside.",
    ),
    "tui": Loadable("appliance.cli.kiosk:tui", "The kiosk of the box in DIR.", ("sqlalchemy", "textual")),
}


class LazyGroup(click.Group):
    """Imports a role when it is used: a device has nothing of the box installed, and help is quick."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run as a program: PINs, content keys and the right to use keys will be in this memory."""
        close_memory()
        return super().__call__(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):  # while a role was loaded; a verb tells it by itself
            click.echo(f"interrupted: {INTERRUPTED}", err=True)
            ctx.exit(FAILED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.told) for name, command in _COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = [
            CompletionItem(name, help=command.told)
            for name, command in _COMMANDS.items()
            if name.startswith(incomplete)
        ]
        # What a command completes by itself, its options: a group would load all its commands.
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        asked = _COMMANDS.get(cmd_name)
        if asked is None:
            return None
        module, _, attribute = asked.place.partition(":")
        try:
            command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if not asked.needs or (error.name or "").startswith(("appliance", "media_format", "tui")):
                raise
            return _missing(cmd_name, str(error.name))
        assert isinstance(command, click.Command)
        return command


def _missing(name: str, module: str) -> click.Command:
    @click.command(
        name,
        context_settings={"ignore_unknown_options": True, "help_option_names": []},
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def missing(arguments: tuple[str, ...]) -> None:
        click.echo(f"misuse: '{name}' needs {module}; run: pip install 'updatebox[{_EXTRA}]'", err=True)
        sys.exit(2)

    return missing


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="updatebox", prog_name="updatebox")
def main() -> None:
    """Firmware updates for devices that have no network.

    A vendor signs, an update box seals for one device, a stick carries, the device checks and
    installs. Start with: updatebox demo

    DIR is a role's directory. Left out, it is /var/lib/updatebox/ROLE for root, and
    ~/.local/state/updatebox/ROLE for others. MEDIA is a block device, a FAT image file, or a directory
    where one is mounted.

    Every verb takes --json. Exit codes: 0 done, 1 the machine failed, 2 wrong usage, 3 refused, 4 refused
    for the medium, 5 refused by the key store.

    Shell completion, here for bash: eval "$(_UPDATEBOX_COMPLETE=bash_source updatebox)"
    """
