"""Killed at any line of an increment, a process leaves the value before or the one after, and no wedge."""

from __future__ import annotations

import itertools
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from appliance.tpm.soft import SoftTpm


def now() -> int:
    return 0


def test_a_counter_outlives_its_process_at_every_line(tmp_path: Path) -> None:
    tpm = SoftTpm.make(tmp_path / "tpm", now)
    known, stepped = tpm.increment("record"), 0
    for line in itertools.count(1):
        survived = increment_in_a_process_killed_at(line, tmp_path / "tpm")
        found = SoftTpm.load_from(tmp_path / "tpm", now).counter("record")
        assert found in (known, known + 1)
        stepped += found - known
        known = found
        if survived:
            break
    assert tpm.increment("record") == known + 1
    assert line > 40, "so few lines are no increment"
    assert 1 < stepped < line


def increment_in_a_process_killed_at(line: int, folder: Path) -> bool:
    """Whether the process came to the end before that line."""
    child = os.fork()
    if child == 0:
        sys.settrace(Killer(line).trace)
        SoftTpm.load_from(folder, now).increment("record")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    ended = os.waitstatus_to_exitcode(status)
    assert ended in (0, -signal.SIGKILL)
    return ended == 0


OURS = ("appliance", "media_format")
"""The packages whose lines count: each makes at most one change to a file."""


class Killer:
    """Kills this process at the n-th line of ours that it executes."""

    def __init__(self, line: int) -> None:
        self._left = line

    def trace(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if not str(frame.f_globals.get("__name__")).startswith(OURS):
            return None
        if event == "line":
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return self.trace
