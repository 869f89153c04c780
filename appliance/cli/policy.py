"""The fleet's policy on the command line: what devices and boxes demand, chosen when a vendor is made."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from appliance.trust.clock import DAY
from appliance.vendor.service import DEFAULT_POLICY
from media_format import limits
from media_format.objects import Family, Mode, Policy, SignatureRule

F = TypeVar("F", bound=Callable[..., Any])

_DAYS: Final = click.IntRange(1, 100 * 365)

_OPTIONS: Final = (
    click.option(
        "--signatures",
        type=click.IntRange(1, limits.MAX_SIGNATURES),
        default=DEFAULT_POLICY.signatures[0].count,
        show_default=True,
        help="Release signers, each with a key of its own, that must sign a release.",
    ),
    click.option(
        "--crl-max-age",
        type=_DAYS,
        metavar="DAYS",
        help="How old a revocation list may be; default: their age is not judged.",
    ),
    click.option(
        "--clock-horizon",
        type=_DAYS,
        metavar="DAYS",
        default=DEFAULT_POLICY.clock_horizon // DAY,
        show_default=True,
        help="How far past the time that has surely passed a clock is believed.",
    ),
    click.option(
        "--box-time/--no-box-time",
        default=DEFAULT_POLICY.box_time,
        show_default=True,
        help="Whether a device whose clocks all fail may take the time from a box that answers its request.",
    ),
    click.option(
        "--nonce-boots",
        type=click.IntRange(0, 2**31),
        default=DEFAULT_POLICY.nonce_boots,
        show_default=True,
        help="With --box-time: boots after which a request proves no time any more.",
    ),
    click.option(
        "--nonce-uptime",
        type=_DAYS,
        metavar="DAYS",
        default=DEFAULT_POLICY.nonce_uptime // DAY,
        show_default=True,
        help="With --box-time: how long a request proves time within one boot.",
    ),
    click.option(
        "--unrequested/--no-unrequested",
        default=DEFAULT_POLICY.unrequested,
        show_default=True,
        help="Whether devices take packages that answer no request of theirs.",
    ),
    click.option(
        "--mode",
        "modes",
        type=click.Choice([str(mode) for mode in Mode]),
        multiple=True,
        default=[str(mode) for mode in DEFAULT_POLICY.modes],
        show_default=True,
        help="How packages may be protected; may be repeated.",
    ),
)


def policy_options(function: F) -> F:
    """Give a verb an option for each part of a policy, and the policy itself as the argument `policy`."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        kwargs["policy"] = _policy(**{name: kwargs.pop(name) for name in _NAMES})
        return function(*args, **kwargs)

    decorated: Any = wrapped
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]


_NAMES: Final = (
    "signatures",
    "crl_max_age",
    "clock_horizon",
    "box_time",
    "nonce_boots",
    "nonce_uptime",
    "unrequested",
    "modes",
)


def _policy(
    signatures: int,
    crl_max_age: int | None,
    clock_horizon: int,
    box_time: bool,
    nonce_boots: int,
    nonce_uptime: int,
    unrequested: bool,
    modes: tuple[str, ...],
) -> Policy:
    """A policy from what was typed: days become seconds."""
    return Policy(
        signatures=(SignatureRule(family=Family.ECDSA, count=signatures),),
        crl_max_age=None if crl_max_age is None else crl_max_age * DAY,
        clock_horizon=clock_horizon * DAY,
        nonce_boots=nonce_boots,
        nonce_uptime=nonce_uptime * DAY,
        box_time=box_time,
        unrequested=unrequested,
        modes=tuple(mode for mode in Mode if mode in modes),
    )
