"""The media service's process: `python -I -m appliance.media.service --user USER … [--loop DEVICE …]`."""

from __future__ import annotations

import argparse
import pwd
import sys
from pathlib import Path

from appliance.media.service.client import SOCKET
from appliance.media.service.server import MediaService
from appliance.process.hardening import close_memory
from media_format.errors import MachineFault


def main() -> int:
    """Listen and serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="media service", description="Opens removable disks for others.")
    parser.add_argument(
        "--user", type=_user, action="append", required=True, help="who may ask; may be repeated"
    )
    parser.add_argument(
        "--loop", type=Path, action="append", default=[], help="a loop device that counts as a medium"
    )
    parser.add_argument("--socket", type=Path, default=SOCKET, help=f"where to listen; default: {SOCKET}")
    arguments = parser.parse_args()
    close_memory()
    try:
        service = MediaService(arguments.socket, arguments.user, arguments.loop)
    except MachineFault as fault:
        print(f"machine-fault: {fault}", file=sys.stderr)
        return 1
    print(f"listening at {arguments.socket}", flush=True)
    service.serve()
    return 0


def _user(text: str) -> int:
    """A user's number, from a name or the number itself."""
    if text.isdecimal():
        return int(text)
    try:
        return pwd.getpwnam(text).pw_uid
    except KeyError:
        raise argparse.ArgumentTypeError(f"there is no user {text!r}") from None


if __name__ == "__main__":
    sys.exit(main())
