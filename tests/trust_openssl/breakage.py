"""One way to break a valid world in one place, and what either side is to say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from media_format.refusal import Code
from tests.trust_openssl.forms import World

Places: TypeAlias = Callable[[World], range]
"""Which certificates, counted from the leaf, or which lists, counted from that of the leaf's issuer."""
Break: TypeAlias = Callable[[World, int], None]


@dataclass(frozen=True)
class Breakage:
    """A row of the table.

    `ours` are the codes of which the product gives one; empty where it accepts. `openssl` says whether
    OpenSSL refuses it. `because` is the reason where the two differ. `authorities` is how many there must be,
    None for any.
    """

    name: str
    places: Places
    apply: Break
    ours: tuple[Code, ...]
    openssl: bool
    because: str
    authorities: int | None


def broken(
    places: Places,
    *ours: Code,
    stricter: str = "",
    looser: str = "",
    authorities: int | None = None,
) -> Callable[[Break], Breakage]:
    """Make a row of the function that does the breaking; its name is the row's.

    Where no code is given the product's is chain-invalid. `stricter` is why it refuses what OpenSSL accepts,
    `looser` why it accepts what OpenSSL refuses.
    """

    def row(function: Break) -> Breakage:
        name = function.__name__.replace("_", " ")
        codes = () if looser else ours or (Code.CHAIN_INVALID,)
        return Breakage(name, places, function, codes, not stricter, stricter or looser, authorities)

    return row


def rows(module: Mapping[str, Any]) -> tuple[Breakage, ...]:
    """The rows that a module defines, in their order."""
    return tuple(found for found in module.values() if isinstance(found, Breakage))


def leaf(_world: World) -> range:
    """The leaf alone."""
    return range(1)


def below_the_root(world: World) -> range:
    """Leaf and authorities."""
    return range(len(world.chain) - 1)


def authorities(world: World) -> range:
    """The authorities between leaf and root."""
    return range(1, len(world.chain) - 1)


def issuers(world: World) -> range:
    """The authorities and the root."""
    return range(1, len(world.chain))


def root(world: World) -> range:
    """The root alone."""
    return range(len(world.chain) - 1, len(world.chain))


def lists(world: World) -> range:
    """The list of any issuer."""
    return range(len(world.lists))
