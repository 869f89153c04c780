"""The program `updatebox`: a group of verbs for each role, loaded when one is asked for."""

from __future__ import annotations

import importlib
import sys
from typing import Any, Final

import click

from appliance.cli.answer import FAILED, INTERRUPTED
from appliance.process.hardening import close_memory

_EXTRAS: Final = {"box": "box", "tui": "box", "demo": "box"}
"""Groups that need an extra to be installed."""

_COMMANDS: Final = {
    "demo": "appliance.cli.demo.command:demo",
    "vendor": "appliance.cli.vendor:vendor",
    "box": "appliance.cli.box:box",
    "device": "appliance.cli.device:device",
    "inspect": "appliance.cli.inspect:inspect",
    "tui": "appliance.cli.kiosk:tui",
}


class LazyGroup(click.Group):
    """Imports a role when it is used: a device has nothing of the box installed."""

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

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, attribute = _COMMANDS[cmd_name].partition(":")
        try:
            command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if cmd_name not in _EXTRAS or (error.name or "").startswith(("appliance", "media_format", "tui")):
                raise
            return _missing(cmd_name, str(error.name))
        assert isinstance(command, click.Command)
        return command


def _missing(name: str, module: str) -> click.Command:
    @click.command(
        name,
        short_help=f"(needs the extra '{_EXTRAS[name]}')",
        context_settings={"ignore_unknown_options": True, "help_option_names": []},
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def missing(arguments: tuple[str, ...]) -> None:
        click.echo(
            f"misuse: '{name}' needs {module}; run: pip install 'updatebox[{_EXTRAS[name]}]'", err=True
        )
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
