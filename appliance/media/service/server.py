"""The service's side: one connection, one request for one disk, one answer with its descriptors.

A request names the kernel's name of a block device, not a path: nobody can lead the service elsewhere.
"""

from __future__ import annotations

import os
import re
import socket
import struct
import threading
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from appliance.media.courier.messages import MAX_MESSAGE, Outcome, decode, encode, error_values
from appliance.media.opening import open_disk
from media_format.errors import MachineFault, Misuse
from media_format.refusal import Refusal

_NAME: Final = re.compile(r"[a-z][a-z0-9]{1,31}")
_PATIENCE: Final = 5.0
"""Seconds for a request to arrive, from a user who is served."""
_AT_ONCE: Final = 8
"""Requests of one user that are answered at the same time: who connects and says nothing holds up himself."""


class MediaService:
    """Answers at the Unix socket `path`, for the user numbers `users` and nobody else.

    `loops` are the loop devices that count as media. The socket is made at once; `serve` answers.
    """

    def __init__(self, path: Path, users: Collection[int], loops: Collection[Path] = ()) -> None:
        self._users = frozenset(users)
        self._loops = tuple(loops)
        self._room = {user: threading.Semaphore(_AT_ONCE) for user in self._users}
        self._listener = _listen(path)

    def serve(self) -> None:
        """Answer requests, each in a thread of its own, until the process ends."""
        while True:
            connection, _ = self._listener.accept()
            self._welcome(connection)

    def _welcome(self, connection: socket.socket) -> None:
        """Decide by who is there, before anything is read. A stranger is not waited for."""
        user = _peer(connection)
        if user not in self._users:
            _turn_away(connection, f"the media service does not serve user {user}")
        elif not self._room[user].acquire(blocking=False):
            _turn_away(connection, f"the media service answers {_AT_ONCE} requests of user {user} already")
        else:
            threading.Thread(target=self._attend, args=(connection, user), daemon=True).start()

    def _attend(self, connection: socket.socket, user: int) -> None:
        try:
            with connection, suppress(OSError):  # the other end went away, or says nothing: its loss
                connection.settimeout(_PATIENCE)
                self._answer(connection)
        finally:
            self._room[user].release()

    def _answer(self, connection: socket.socket) -> None:
        message = connection.recv(MAX_MESSAGE)
        try:
            name, writable = _request(message)
            disk = open_disk(Path("/dev") / name, writable=writable, loops=self._loops)
        except (Refusal, Misuse, MachineFault) as error:
            connection.send(encode(error_values(error)))
            return
        try:
            socket.send_fds(connection, [encode([Outcome.DONE, None])], disk.handles())
        finally:
            disk.close()


def _turn_away(connection: socket.socket, why: str) -> None:
    """Say why, without waiting."""
    with connection, suppress(OSError):
        connection.setblocking(False)
        connection.send(encode(error_values(MachineFault(why))))
        # A request that is there unread would reset the connection, and the answer would be lost.
        connection.shutdown(socket.SHUT_RD)
        while connection.recv(MAX_MESSAGE):
            continue


def _request(message: bytes) -> tuple[str, bool]:
    match decode(message, "a request for a disk"):
        case [str(name), bool(writable)] if _NAME.fullmatch(name):
            if (Path("/dev") / name).is_block_device():
                return name, writable
            raise Misuse(f"/dev/{name}: not a block device")
    raise Misuse("a request names a block device, and whether it will be written")


def _peer(connection: socket.socket) -> int:
    """The user number of whoever connected (unix(7), SO_PEERCRED)."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", raw)[1])


def _listen(path: Path) -> socket.socket:
    """Anybody may connect: who is answered is decided by what the kernel says of them."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        if _answers(path):
            raise MachineFault(f"{path}: there is a media service already")
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        os.chmod(path, 0o666)
        listener.listen()
    except BaseException as error:
        listener.close()
        if isinstance(error, OSError):
            raise MachineFault(f"{path}: no socket can be made here ({error.strerror})") from None
        raise
    return listener


def _answers(path: Path) -> bool:
    """Whether somebody listens there; a socket that nobody listens to was left by a service that ended."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
        try:
            link.connect(str(path))
        except OSError:
            return False
    return True
