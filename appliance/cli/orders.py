"""What became of a directive, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, TypeVar

from media_format.objects import Order
from media_format.refusal import Code

WORDS: Final = {
    Order.TIME_FLOOR: "lower the time floor",
    Order.ENTITLE: "serve what the vendor's list allows",
    Order.RENEW: "renew the certificates",
    Order.CROSS_SIGN: "trust another root",
}
"""What is ordered."""


class DirectiveOutcome(Protocol):
    """What became of a directive, at whichever machine. `code` is None where it was followed."""

    @property
    def sequence(self) -> int:
        """Its number."""
        ...

    @property
    def order(self) -> Order:
        """What it orders."""
        ...

    @property
    def code(self) -> Code | None:
        """Why it was not followed."""
        ...

    @property
    def detail(self) -> str:
        """More about that."""
        ...


D = TypeVar("D", bound=DirectiveOutcome)


def news(found: Sequence[D], *, alone: bool) -> list[D]:
    """The directives worth a line: not those that were followed before and are still on the medium.

    Where these are all there is to tell of, and the medium holds nothing else (`alone`), they are told of.
    """
    fresh = [one for one in found if one.code is not Code.REQUEST_REPLAYED]
    return list(found) if alone and not fresh else fresh


def directive_told(found: DirectiveOutcome, *, dry_run: bool = False) -> str:
    """A line about a directive; with `dry_run` it was only judged."""
    words = WORDS[found.order]
    if found.code is None and dry_run:
        return f"Directive {found.sequence} of the vendor would be followed first: {words}."
    if found.code is None:
        return f"Directive {found.sequence} of the vendor was followed: {words}."
    return f"{found.code}: directive {found.sequence} ({words}): {found.detail}"
