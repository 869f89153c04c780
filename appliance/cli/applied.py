"""What became of a medium in a device, in words."""

from __future__ import annotations

from typing import Final

from appliance.cli.answer import Answer, of_many
from appliance.cli.orders import directive_told, news
from appliance.device import ApplyResult, PackageResult
from media_format.objects import Outcome
from media_format.refusal import Code, Refusal

_LEFT_OVER: Final = (Code.ALREADY_INSTALLED, Code.REQUEST_MISMATCH, Code.ROLLBACK)
"""Older packages on the medium, for this device: they call for nothing where a newer one was good."""


def applied(result: ApplyResult, *, dry_run: bool = False) -> Answer:
    """The answer about directives and packages for this device or, without any, about the others."""
    data = {"packages": result.packages, "receipts": result.receipts, "directives": result.directives}
    orders = news(result.directives, alone=not result.packages)
    mine = [package for package in result.packages if package.addressed]
    others = [package for package in result.packages if not package.addressed]
    told = mine or (() if orders else others)
    lines = [directive_told(order, dry_run=dry_run) for order in orders]
    if dry_run and told and any(order.code is None for order in orders):
        lines.append("What becomes of packages may change with that; before it:")
    lines += map(_told, told)
    if mine and others:
        lines.append(_others(others))
    good = any(one.code is None for one in mine)
    silent = _LEFT_OVER if good else ()
    refusals = [Refusal(order.code, order.detail, order.advice) for order in orders if order.code is not None]
    refusals += [
        Refusal(one.code, one.detail) for one in told if one.code is not None and one.code not in silent
    ]
    accepted = good or any(order.code is None for order in orders)
    if not lines:
        lines = ["There is no package on the medium; let the box write one (updatebox box write)."]
    return of_many(data, lines, refusals, accepted=accepted)


def _others(packages: list[PackageResult]) -> str:
    """A line for what is not addressed to this device, or so damaged that nobody can say; with the codes."""
    codes = sorted({str(package.code) for package in packages})
    return f"{len(packages)} more on the medium left alone ({', '.join(codes)})."


def _told(package: PackageResult) -> str:
    if package.code is not None:
        named = f" (for {', '.join(package.devices)})" if package.devices else ""
        return f"{package.code}: {package.folder}{named}: {package.detail}"
    if package.outcome is Outcome.INSTALLED:
        return f"{package.version} is installed; it runs after the next boot."
    return f"{package.version} may be installed, as far as can be said without reading the payload."
