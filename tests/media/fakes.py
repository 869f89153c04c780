"""Media that hold less than they claim, in the ways that are sold."""

from __future__ import annotations

from media_format.refusal import Code, Refusal
from media_format.volume.seam import Data, ReadBack

_PAGE = 4096


class Medium:
    """Blocks in memory: an honest medium. Untouched places read as zeros."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.pages: dict[int, bytearray] = {}

    def read(self, offset: int, length: int) -> bytes:
        assert offset >= 0 and offset + length <= self.size
        out = bytearray()
        for at, count in _split(offset, length):
            out += self._load(at, count)
        return bytes(out)

    def write(self, offset: int, data: Data) -> None:
        assert offset >= 0 and offset + len(data) <= self.size
        view = memoryview(data)
        for at, count in _split(offset, len(data)):
            self._store(at, bytes(view[:count]))
            view = view[count:]

    def sync(self) -> None:
        pass

    def evict(self) -> ReadBack:
        return ReadBack.DIRECT

    def close(self) -> None:
        pass

    def _load(self, at: int, count: int) -> bytes:
        page = self.pages.get(at // _PAGE, bytearray(_PAGE))
        return bytes(page[at % _PAGE : at % _PAGE + count])

    def _store(self, at: int, data: bytes) -> None:
        page = self.pages.setdefault(at // _PAGE, bytearray(_PAGE))
        page[at % _PAGE : at % _PAGE + len(data)] = data


class Wrapping(Medium):
    """Begins anew after `real` bytes (a multiple of 512)."""

    def __init__(self, size: int, real: int) -> None:
        super().__init__(size)
        self.real = real

    def read(self, offset: int, length: int) -> bytes:
        return b"".join(self._load((offset + at) % self.real, 512) for at in range(0, length, 512))

    def write(self, offset: int, data: Data) -> None:
        for at in range(0, len(data), 512):
            self._store((offset + at) % self.real, bytes(data[at : at + 512]))


class Dropping(Medium):
    """Drops what is written behind `real` bytes, and keeps the last `cache` sectors of it for a while."""

    def __init__(self, size: int, real: int, cache: int = 0) -> None:
        super().__init__(size)
        self.real = real
        self.cache = cache
        self.cached: dict[int, bytes] = {}

    def read(self, offset: int, length: int) -> bytes:
        plain = bytearray(super().read(offset, length))
        for at in range(0, length, 512):
            if offset + at in self.cached:
                plain[at : at + 512] = self.cached[offset + at]
        return bytes(plain)

    def write(self, offset: int, data: Data) -> None:
        kept = max(0, min(len(data), self.real - offset))
        super().write(offset, data[:kept])
        for at in range(kept, len(data), 512):
            self.cached[offset + at] = bytes(data[at : at + 512])
        while len(self.cached) > self.cache:
            del self.cached[next(iter(self.cached))]


class Failing(Medium):
    """Answers with an error behind `real` bytes."""

    def __init__(self, size: int, real: int) -> None:
        super().__init__(size)
        self.real = real

    def read(self, offset: int, length: int) -> bytes:
        self._check(offset + length)
        return super().read(offset, length)

    def write(self, offset: int, data: Data) -> None:
        self._check(offset + len(data))
        super().write(offset, data)

    def _check(self, end: int) -> None:
        if end > self.real:
            raise Refusal(Code.MEDIUM_PULLED, "Input/output error")


def _split(offset: int, length: int) -> list[tuple[int, int]]:
    parts = []
    while length:
        count = min(length, _PAGE - offset % _PAGE)
        parts.append((offset, count))
        offset, length = offset + count, length - count
    return parts
