"""A program on a real terminal of 80 columns and 24 lines: tmux, and what a person sees there."""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.tools import require

PATIENCE = 60.0


class Terminal:
    """One tmux server with one window. Its control client tells of every change of the screen."""

    def __init__(self, folder: Path, command: str) -> None:
        self._tmux = (require("tmux"), "-S", str(folder / "tmux.sock"), "-f", "/dev/null")
        self._do("new-session", "-d", "-x", "80", "-y", "24", command)
        self._control = subprocess.Popen(
            [*self._tmux, "-C", "attach"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._changes: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._control.stdout is not None
        for line in self._control.stdout:
            self._changes.put(line)
        self._changes.put(None)

    def type(self, *keys: str) -> None:
        """Press keys, named as tmux names them, or type text."""
        self._do("send-keys", *keys)

    def screen(self) -> str:
        """What stands on the screen now."""
        return self._do("capture-pane", "-p")

    def expect(self, text: str) -> str:
        """Wait until `text` stands on the screen, and return all of it."""
        deadline, screen = time.monotonic() + PATIENCE, ""
        while text not in (screen := self.screen()):
            try:
                change = self._changes.get(timeout=max(deadline - time.monotonic(), 0))
            except queue.Empty:
                raise AssertionError(f"{text!r} did not appear:\n{screen}") from None
            if change is None:
                raise AssertionError(f"the program ended before {text!r} appeared:\n{screen}")
        return screen

    def close(self) -> None:
        """End the program and the terminal."""
        subprocess.run([*self._tmux, "kill-server"], capture_output=True, check=False)
        assert self._control.stdin is not None and self._control.stdout is not None
        self._control.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self._control.stdin.close()
        self._control.stdout.close()

    def _do(self, *words: str) -> str:
        done = subprocess.run([*self._tmux, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def terminal(folder: Path, command: str) -> Iterator[Terminal]:
    """A terminal that runs `command`; `folder` takes its socket."""
    made = Terminal(folder, command)
    try:
        yield made
    finally:
        made.close()
