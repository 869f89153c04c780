"""A thread beside the one that gives it work: hashing and waiting for a medium do not hold anybody up."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

T = TypeVar("T")

_ROOM: Final = 2
"""Pieces that wait at most: they may be large, and more of them make nothing faster."""


class Worker(Generic[T]):
    """Does `work` with each piece it is given, one after the other. A context manager.

    What the work raises is raised to the giver, by the next `give` or by `finish`, and nothing more is done
    then. Leaving the context without `finish` drops what waits. Either way the thread has ended afterwards.
    """

    def __init__(self, work: Callable[[T], object], room: int = _ROOM) -> None:
        self._work = work
        self._waiting: queue.Queue[T | None] = queue.Queue(room)
        self._error: BaseException | None = None
        self._dropping = False
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._dropping = True
        self._end()

    def give(self, piece: T) -> None:
        """Hand on the next piece; waits while enough are waiting."""
        self._raise()
        self._waiting.put(piece)

    def finish(self) -> None:
        """Return when all is done."""
        self._end()
        self._raise()

    def _end(self) -> None:
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while (piece := self._waiting.get()) is not None:
            if self._dropping or self._error is not None:
                continue
            try:
                self._work(piece)
            except BaseException as error:
                self._error = error
