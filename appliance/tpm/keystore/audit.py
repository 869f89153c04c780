"""The audit: who used which key when, a line for each use, in two files of bounded size."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from appliance.tpm.keystore.peer import Peer

FILE_NAME: Final = "audit.jsonl"
_MAX_SIZE: Final = 1024 * 1024
"""Bytes after which the file is put aside, replacing the one put aside before."""


class Audit:
    """Appends to the audit file in `folder`. Safe for the threads of one process."""

    def __init__(self, folder: Path, now: Callable[[], int]) -> None:
        self.path = folder / FILE_NAME
        self._now = now
        self._lock = threading.Lock()

    def note(self, peer: Peer, call: str, name: str, outcome: str) -> None:
        """Write one line. What was signed or opened, and with which authorisation, is never in it.

        Raises OSError where the line cannot be written; nothing of it is left then.
        """
        entry = {
            "time": self._now(),
            "pid": peer.pid,
            "uid": peer.uid,
            "call": call,
            "name": name,
            "outcome": outcome,
        }
        line = json.dumps(entry).encode() + b"\n"
        with self._lock:
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                before = os.fstat(fd).st_size
                if os.write(fd, line) != len(line):
                    os.ftruncate(fd, before)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                full = before + len(line) > _MAX_SIZE
            finally:
                os.close(fd)
            if full:
                os.replace(self.path, self.path.with_suffix(".old.jsonl"))
