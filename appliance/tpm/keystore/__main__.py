"""The keystore's process: `python -m appliance.tpm.keystore FOLDER`."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from appliance.process.hardening import harden
from appliance.tpm.disk import failing
from appliance.tpm.keystore.audit import Audit
from appliance.tpm.keystore.name import FILE_NAME, abstract_name, new_seed, publish, serving
from appliance.tpm.keystore.server import KeystoreServer
from appliance.tpm.soft import SoftTpm
from media_format.refusal import Refusal

_STACK: Final = 512 * 1024
"""Bytes of a thread's stack: locked memory is not to be spent on stacks."""
_BACKLOG: Final = 64


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
    tpm = SoftTpm.load_from(folder, _now)
    server = KeystoreServer(tpm, Audit(folder, _now), users | {os.geteuid()}, arguments.idle)
    with ExitStack() as stack:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stack.callback(listener.close)
        if arguments.socket is None:
            # Left before the listener is closed: whoever finds nobody listening may start another.
            stack.enter_context(serving(folder))
            _listen_by_name(listener, folder)
        else:
            _bind_file(listener, arguments.socket, shared=bool(users))
            listener.listen(_BACKLOG)
        _say(arguments.ready, "ready")
        server.serve(listener)


def _listen_by_name(listener: socket.socket, folder: Path) -> None:
    seed = new_seed()
    listener.bind(abstract_name(folder, seed))
    listener.listen(_BACKLOG)
    try:
        publish(folder, seed)
    except OSError as error:
        raise failing(folder / FILE_NAME, error) from None


def _bind_file(listener: socket.socket, place: Path, *, shared: bool) -> None:
    """Take a place in the file system. Who may ask is judged by the peer's credentials, not by the mode."""
    place.unlink(missing_ok=True)
    before = os.umask(0o111 if shared else 0o177)
    try:
        listener.bind(str(place))
    finally:
        os.umask(before)


def _say(ready: int | None, text: str) -> None:
    if ready is not None:
        os.write(ready, text.encode())
        os.close(ready)


def _now() -> int:
    return int(time.time())


if __name__ == "__main__":
    sys.exit(main())
