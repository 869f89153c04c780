"""A program that runs until it is stopped, and what it says line by line."""

from __future__ import annotations

import queue
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

PATIENCE = 60.0
"""Seconds in which a daemon says what it is expected to say, on a busy machine too."""


class Daemon:
    """A running program. Its standard error is read by a thread; tests wait for lines of it."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self._coming: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._coming.put(line.rstrip("\n"))
        self._process.stderr.close()
        self._coming.put(None)

    def expect(self, *words: str) -> str:
        """Wait for a line that holds all of `words`, and return it."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                line = self._coming.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                raise AssertionError(f"no line with {words}; it said:\n{self._everything()}") from None
            if line is None:
                raise AssertionError(f"it ended without a line with {words}; it said:\n{self._everything()}")
            self.said.append(line)
            if all(word in line for word in words):
                return line

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; returns its exit status."""
        self._process.send_signal(number)
        status = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        while (line := self._coming.get()) is not None:
            self.said.append(line)
        return status

    def kill(self) -> None:
        """Make sure it is gone."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)

    def _everything(self) -> str:
        return "\n".join(self.said)


@contextmanager
def daemon(*command: object) -> Iterator[Daemon]:
    """A daemon for as long as the context lasts."""
    running = Daemon([str(word) for word in command])
    try:
        yield running
    finally:
        running.kill()
