"""A terminal with a person at it: the program runs on a pseudo-terminal of its own."""

from __future__ import annotations

import fcntl
import os
import select
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cli.workshop import PROGRAM

_DEADLINE = 60.0


class Terminal:
    """The program on a terminal. `shown` is all that was on the screen so far."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self._master = master
        self._process = process
        self._seen = 0
        self.shown = ""

    def expect(self, text: str) -> None:
        """Wait until the program shows a text, after what was expected before."""
        ends = time.monotonic() + _DEADLINE
        while text not in self.shown[self._seen :]:
            assert self._read(ends - time.monotonic()), f"{text!r} was not shown: {self.shown!r}"
        self._seen = self.shown.index(text, self._seen) + len(text)

    def type(self, line: str) -> None:
        """Type a line."""
        os.write(self._master, f"{line}\n".encode())

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.write(self._master, b"\x03")

    def end(self) -> int:
        """Wait for the end; returns the exit status."""
        ends = time.monotonic() + _DEADLINE
        while self._read(ends - time.monotonic()):
            pass
        return self._process.wait(timeout=_DEADLINE)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, seconds))
        try:
            data = os.read(self._master, 4096) if ready else b""
        except OSError:  # the program has closed its side
            return False
        self.shown += data.decode()
        return bool(data)


@contextmanager
def terminal(*arguments: object) -> Iterator[Terminal]:
    """Run the program with a terminal that is its own controlling one."""
    master, slave = os.openpty()

    def take_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        [str(PROGRAM), *map(str, arguments)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=take_terminal,
    )
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(master)
