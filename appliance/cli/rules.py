"""updatebox box allow, deny, rules: who may be updated at this box."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from appliance.box import BoxService, Rule, Verdict
from appliance.cli.answer import Answer, answering
from appliance.cli.clock import now
from appliance.cli.entitlements import COLUMNS, entitlement, read_entitlements, write_entitlements
from appliance.cli.files import read_file
from appliance.cli.output import Output, writes
from appliance.cli.places import places
from appliance.cli.secrets import secret_options
from media_format import limits
from media_format.errors import Misuse
from media_format.objects import DeviceKind

_FOLDER = places("box")
_USER = click.option("--user", default="supervisor", show_default=True, help="Who does this.")
_SELECTORS: Final = (
    click.option("--product", help="Devices of this product."),
    click.option("--line", help="Devices of this line."),
    click.option("--hardware", help="Devices on this hardware."),
    click.option("--device", help="One device."),
    click.option("--from", "first", metavar="ID", help="Devices from this id …"),
    click.option("--to", "last", metavar="ID", help="… to this one, which is as long."),
)


def _selecting(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_SELECTORS):
        function = option(function)
    return function


@click.command("allow")
@_FOLDER
@_selecting
@_USER
@answering
@secret_options("pin", "PIN")
def allow(directory: Path, user: str, pin: str, **selectors: str | None) -> Answer:
    """Allow devices that fit all that is named to be updated; the most specific rule decides."""
    return _ruled(directory, user, pin, selectors, allowed=True)


@click.command("deny")
@_FOLDER
@_selecting
@_USER
@answering
@secret_options("pin", "PIN")
def deny(directory: Path, user: str, pin: str, **selectors: str | None) -> Answer:
    """Forbid devices that fit all that is named to be updated; the most specific rule decides."""
    return _ruled(directory, user, pin, selectors, allowed=False)


def _ruled(
    directory: Path, user: str, pin: str, selectors: dict[str, str | None], *, allowed: bool
) -> Answer:
    entry = entitlement(allowed=allowed, selectors=selectors)
    service = BoxService.open(directory, now=now)
    rule = service.put_rule(entry, service.unlock(user, pin))
    return Answer({"rule": rule}, f"The rule is: {rule.text}.")


@click.command("rules")
@_FOLDER
@click.option("--device", help="Say which rule decides about this device, and why.")
@click.option("--product", help="The product of a device that has not asked here.")
@click.option("--line", help="Its line.")
@click.option("--hardware", help="Its hardware.")
@click.option(
    "--import",
    "source",
    type=click.Path(path_type=Path),
    help=f"Put the rules in a CSV file in the place of the box's: {','.join(COLUMNS)} (supervisor).",
)
@_USER
@answering
@writes("--export", "Write the box's own rules into a CSV file.", required=False)
@secret_options("pin", "PIN", only_with="source")
def rules(
    directory: Path,
    device: str | None,
    source: Path | None,
    out: Output | None,
    user: str,
    pin: str,
    **kind: str | None,
) -> Answer:
    """List the rules and who made them; or say which one decides; or read or write them as CSV."""
    if sum(option is not None for option in (device, source, out)) > 1:
        raise Misuse("give one of --device, --import and --export")
    if device is None and any(kind.values()):
        raise Misuse("--product, --line and --hardware describe the device named by --device")
    service = BoxService.open(directory, now=now)
    if source is not None:
        return _imported(service, source, user, pin)
    if out is not None:
        entries = service.own_rules()
        out.write(write_entitlements(entries))
        text = f"{len(entries)} rules of the box are in {out.path}."
        return Answer({"out": out.path, "rules": len(entries)}, text)
    if device is not None:
        return _explained(service.verdict(device, _kind(kind)))
    found = service.rules()
    return Answer({"rules": found}, "\n".join(map(_line, found)) or "There are no rules yet.")


def _imported(service: BoxService, source: Path, user: str, pin: str) -> Answer:
    entries = read_entitlements(str(source), read_file(source, limits.MIB))
    service.replace_rules(entries, service.unlock(user, pin))
    return Answer({"rules": len(entries)}, f"The box's rules are now the {len(entries)} in {source}.")


def _kind(given: dict[str, str | None]) -> DeviceKind | None:
    named = {name: value for name, value in given.items() if value}
    if not named:
        return None
    if len(named) < len(given):
        raise Misuse("describe the device by --product, --line and --hardware, all three")
    return DeviceKind(product=named["product"], line=named["line"], hardware=named["hardware"])


def _explained(verdict: Verdict) -> Answer:
    word = "allowed" if verdict.allowed else "denied"
    decisions = [decision for decision in (verdict.box, verdict.vendor) if decision is not None]
    lines = [
        f"{decision.source:<8}{'allows' if decision.allowed else 'denies'}: {decision.reason}"
        for decision in decisions
    ]
    data = {"device": verdict.device_id, "allowed": verdict.allowed, "decisions": decisions}
    return Answer(data, "\n".join([f"{verdict.device_id} is {word}.", *lines]))


def _line(rule: Rule) -> str:
    return f"{rule.source:<8}{rule.text}"
