"""What became of a directive, in words."""

from __future__ import annotations

from typing import Final, Protocol

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


def directive_told(found: DirectiveOutcome) -> str:
    """A line about a directive."""
    words = WORDS[found.order]
    if found.code is None:
        return f"Directive {found.sequence} of the vendor was followed: {words}."
    return f"{found.code}: directive {found.sequence} ({words}): {found.detail}"
