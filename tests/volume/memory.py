"""A medium in memory: what a test starts from, and what it hands to other programs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from media_format.refusal import Code, Refusal
from media_format.volume.seam import Data, ReadBack

PAGE: Final = 4096
_EMPTY: Final = bytes(PAGE)


class Memory:
    """Implements `media_format.volume.blocks.Blocks`. Pages that are not there hold zeros."""

    def __init__(self, size: int, pages: Mapping[int, bytes] | None = None) -> None:
        self.size = size
        self.pages = dict(pages or {})

    @classmethod
    def of(cls, content: bytes) -> Memory:
        """A medium that holds these bytes."""
        made = cls(len(content))
        made.write(0, content)
        return made

    @classmethod
    def load(cls, path: Path) -> Memory:
        """What an image file holds; its holes cost nothing."""
        made = cls(path.stat().st_size)
        with path.open("rb") as file:
            start = end = 0
            while end < made.size:
                try:
                    start = os.lseek(file.fileno(), end, os.SEEK_DATA)
                except OSError:
                    break
                end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
                made.write(start, os.pread(file.fileno(), end - start, start))
        return made

    def copy(self) -> Memory:
        """Another medium with the same content."""
        return Memory(self.size, self.pages)

    def part(self, start: int, size: int) -> Memory:
        """A copy of a part, which begins and ends with a page."""
        pages = range(start // PAGE, (start + size) // PAGE)
        return Memory(size, {page - pages.start: self.pages[page] for page in pages if page in self.pages})

    def read(self, offset: int, length: int) -> bytes:
        self._check(offset, length)
        first, end = offset // PAGE, -(-(offset + length) // PAGE)
        found = b"".join([self.pages.get(page, _EMPTY) for page in range(first, end)])
        return found[offset - first * PAGE :][:length]

    def write(self, offset: int, data: Data) -> None:
        view = memoryview(data).cast("B")
        self._check(offset, len(view))
        while view:
            page, start = divmod(offset, PAGE)
            part = view[: PAGE - start]
            old = self.pages.get(page, _EMPTY)
            new = old[:start] + bytes(part) + old[start + len(part) :]
            if new == _EMPTY:
                self.pages.pop(page, None)
            else:
                self.pages[page] = new
            offset, view = offset + len(part), view[len(part) :]

    def sync(self) -> None:
        """Nothing is held back."""

    def evict(self) -> ReadBack:
        return ReadBack.DIRECT

    def close(self) -> None:
        """There is nothing to let go of."""

    def save(self, path: Path) -> Path:
        """Write the medium as an image file, with holes where it is empty."""
        with path.open("wb") as file:
            file.truncate(self.size)
            for page, content in self.pages.items():
                file.seek(page * PAGE)
                file.write(content[: self.size - page * PAGE])
        return path

    def _check(self, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise Refusal(Code.MEDIUM_UNREADABLE, "reaches past the medium's end")
