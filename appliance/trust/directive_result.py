"""What became of a directive at the machine that it names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from media_format.directive_files import DirectiveFile
from media_format.objects import Order
from media_format.refusal import Code, Refusal


@dataclass(frozen=True, slots=True)
class DirectiveResult:
    """What became of a directive that names this machine. `code` is None where it was followed."""

    file: str
    sequence: int
    order: Order
    code: Code | None
    detail: str
    advice: str | None = None
    """What to do where it was not followed."""


def followed(file: DirectiveFile, follow: Callable[[], None]) -> DirectiveResult:
    """Follow a directive and say what became of it. Refusal(medium-*) where the medium is gone."""
    code, detail, advice = None, "", None
    try:
        follow()
    except Refusal as refusal:
        if refusal.code in (Code.MEDIUM_PULLED, Code.MEDIUM_UNREADABLE):
            raise
        code, detail, advice = refusal.code, refusal.detail, refusal.advice
    return DirectiveResult(file.path, file.directive.sequence, file.directive.order, code, detail, advice)
