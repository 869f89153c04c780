"""Pages of the chunk table, held against the manifest that lists them."""

from __future__ import annotations

from dataclasses import dataclass

from media_format.objects import Chunk, Component, Manifest


@dataclass(frozen=True, slots=True)
class VerifiedPage:
    """A page whose digest and contents fit the manifest. Made by `verify_page` only.

    `first` is the number of the page's first chunk within `component`; `offsets` say for each chunk where its
    stored form begins in the whole release's stored data (for one that stores nothing: where it would).
    """

    number: int
    component: Component
    first: int
    chunks: tuple[Chunk, ...]
    offsets: tuple[int, ...]
    end: int
    """Where the next page's stored data begins."""


def verify_page(manifest: Manifest, number: int, data: bytes) -> VerifiedPage:
    """Check page `number` as read from the medium.

    Raises Refusal(digest-mismatch) where it is not the page that the manifest lists, Refusal(malformed) where
    its contents contradict the manifest. Misuse for a number the manifest has not.
    """
    raise NotImplementedError
