"""Run as root: becomes another user, and opens a disk as that user can. Says what came of it.

Arguments: user number, device, socket of the media service ("" for none).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from appliance.media import opening
from media_format.errors import MachineFault, Misuse
from media_format.refusal import Refusal


def main(user: int, device: Path, at: str) -> str:
    """One line: how the attempt ended."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    setattr(opening, "SOCKET", Path(at or "/nonexistent"))  # noqa: B010 - a constant, elsewhere for this test
    try:
        disk = opening.open_disk(device, writable=True, loops=[device])
        disk.write(0, b"written by another user".ljust(512))
        disk.sync()
        disk.close()
    except (MachineFault, Misuse, Refusal) as error:
        return f"{type(error).__name__} {error}"
    return "done"


if __name__ == "__main__":
    print(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
