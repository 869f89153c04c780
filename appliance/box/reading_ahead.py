"""Reading ahead: while one file is judged, the courier reads the next ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from media_format.volume.seam import Volume

_AHEAD: Final = 8
"""Files that are held in memory at once, besides the one that is judged."""

Read = Future[bytes]
"""The contents of a file; its `result` raises what reading it raised."""


def reading_ahead(volume: Volume, paths: Iterable[str], limit: int) -> Iterator[tuple[str, Read]]:
    """Files of at most `limit` bytes, in their order; each is read once, whether or not it is judged."""
    with ThreadPoolExecutor(1) as reader:
        waiting: deque[tuple[str, Read]] = deque()
        try:
            for path in paths:
                waiting.append((path, reader.submit(volume.read_object, path, limit)))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft()
            yield from waiting
        finally:
            reader.shutdown(cancel_futures=True)
