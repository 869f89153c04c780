"""A medium that is gone: nothing can be said of the files on it."""

from __future__ import annotations

from media_format.refusal import Code, Refusal


def raise_if_pulled(refusal: Refusal) -> None:
    """Raise a refusal that is about the medium itself, and not about the file that was read from it."""
    if refusal.code is Code.MEDIUM_PULLED:
        raise refusal
