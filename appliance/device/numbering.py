"""Chunks counted over a whole release: the number that journal, flasher and pipeline agree on."""

from __future__ import annotations

from media_format import limits
from media_format.objects import Component, Manifest


class Numbering:
    """Where components and pages begin when all chunks of a release are counted through from 0."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._first: dict[str, int] = {}
        self.total = 0
        for component in manifest.components:
            self._first[component.name] = self.total
            self.total += component.chunks

    def first(self, component: Component) -> int:
        """The number of a component's first chunk."""
        return self._first[component.name]

    def page_of(self, chunk: int) -> int:
        """The page of the chunk table on which a chunk stands."""
        page = 0
        for component in self._manifest.components:
            within = chunk - self._first[component.name]
            if within < component.chunks:
                return page + within // limits.PAGE_CHUNKS
            page += component.pages
        return page

    def plain_bytes(self, chunk: int) -> int:
        """Plaintext bytes of all chunks before `chunk`."""
        total = 0
        for component in self._manifest.components:
            within = min(max(chunk - self._first[component.name], 0), component.chunks)
            total += min(within * component.chunk_size, component.size)
        return total
