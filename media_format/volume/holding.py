"""Holding a medium: one program at a time writes to an image file or a directory."""

from __future__ import annotations

import fcntl

from media_format.refusal import Code, Refusal


def hold_alone(fd: int, name: str) -> None:
    """Keep others who ask for the same away from a file or directory while `fd` is open.

    Refusal(medium-busy) where somebody else has it: at once, as where a block device is open already. A file
    system without locks (flock(2)) gives none.
    """
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Refusal(Code.MEDIUM_BUSY, f"{name}: another program is writing to it") from None
    except OSError:
        return
