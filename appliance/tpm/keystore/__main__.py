"""The keystore's process: `python -m appliance.tpm.keystore FOLDER`."""

from __future__ import annotations

import argparse
import fcntl
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Final

from appliance.process.hardening import harden
from appliance.tpm.keystore.audit import Audit
from appliance.tpm.keystore.server import KeystoreServer
from appliance.tpm.keystore.starting import SOCKET, short_name
from appliance.tpm.soft import SoftTpm
from media_format.refusal import Code, Refusal

_LOCK: Final = "keystore.lock"
_STACK: Final = 512 * 1024
"""Bytes of a thread's stack: locked memory is not to be spent on stacks."""


def main() -> int:
    """Harden the process, open the keys, listen."""
    harden()
    arguments = _arguments()
    threading.stack_size(_STACK)
    try:
        _serve(arguments)
    except Refusal as refusal:
        _say(arguments.ready, refusal.detail)
        print(refusal, file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="keystore", description="Holds the keys of a soft TPM.")
    parser.add_argument("folder", type=Path, help="where the soft TPM's state is")
    parser.add_argument(
        "--user", type=int, action="append", default=[], help="a user id that may use it, besides its own"
    )
    parser.add_argument("--socket", type=Path, help="where to listen, for users who may not enter the folder")
    parser.add_argument("--idle", type=float, help="end after so many seconds without a client")
    parser.add_argument("--ready", type=int, help="an open descriptor to say 'ready' on")
    return parser.parse_args()


def _serve(arguments: argparse.Namespace) -> None:
    """Serve until idle. Refusal(tpm-unavailable) where the keys cannot be opened or are served already."""
    folder, users = arguments.folder, frozenset(arguments.user)
    place = arguments.socket or folder / SOCKET
    tpm = SoftTpm.load_from(folder, _now)
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Refusal(Code.TPM_UNAVAILABLE, f"{folder}: another keystore serves these keys") from None

    def retire() -> None:
        place.unlink(missing_ok=True)
        os.close(lock)

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        _bind(listener, place, shared=bool(users))
        _say(arguments.ready, "ready")
        server = KeystoreServer(tpm, Audit(folder, _now), users | {os.geteuid()}, arguments.idle)
        server.serve(listener, retire)


def _bind(listener: socket.socket, place: Path, *, shared: bool) -> None:
    """Listen. Who may ask is judged by the peer's credentials, not by the mode alone."""
    place.unlink(missing_ok=True)
    before = os.umask(0o111 if shared else 0o177)
    with short_name(place) as name:
        listener.bind(name)
    os.umask(before)
    listener.listen(64)


def _say(ready: int | None, text: str) -> None:
    if ready is not None:
        os.write(ready, text.encode())
        os.close(ready)


def _now() -> int:
    return int(time.time())


if __name__ == "__main__":
    sys.exit(main())
