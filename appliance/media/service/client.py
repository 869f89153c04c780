"""Asking the media service for a disk."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from appliance.media.courier.messages import CODES, MAX_MESSAGE, Outcome, decode, harmless
from media_format.cbor import encode
from media_format.errors import MachineFault, Misuse
from media_format.refusal import Code, Refusal
from media_format.volume.descriptor import Descriptor

SOCKET: Final = Path("/run/updatebox/media.sock")
_PATIENCE: Final = 60.0


def open_disk_by_service(path: Path, *, writable: bool, at: Path) -> Descriptor:
    """The bytes of the block device at `path`, opened by the media service at the socket `at`.

    Raises what the service says; MachineFault if it does not answer or hands over something else.
    """
    name = path.resolve().name
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as link:
        link.settimeout(_PATIENCE)
        try:
            link.connect(str(at))
            with suppress(BrokenPipeError):  # it may say no before it is asked
                link.send(encode([name, writable]))
            message, fds, _, _ = socket.recv_fds(link, MAX_MESSAGE, 2)
        except OSError as error:
            raise MachineFault(f"the media service at {at} does not answer ({error})") from None
    with ExitStack() as stack:
        for fd in fds:
            stack.callback(os.close, fd)
        _check(message, fds, path, at)
        disk = Descriptor(fds[0], str(path), writable=writable, direct=fds[1] if len(fds) > 1 else None)
        stack.pop_all()
    return disk


def _check(message: bytes, fds: Sequence[int], path: Path, at: Path) -> None:
    """That the answer is one, and that what came with it is the device that was asked for."""
    match decode(message, "the media service's answer"):
        case [Outcome.DONE, None] if fds:
            wanted = path.stat().st_rdev
            for fd in fds:
                status = os.fstat(fd)
                if not stat.S_ISBLK(status.st_mode) or status.st_rdev != wanted:
                    raise MachineFault(f"the media service at {at} handed over another device")
        case [Outcome.REFUSED, str(code), str(detail)] if code in CODES:
            raise Refusal(Code(code), harmless(detail))
        case [Outcome.MISUSE, str(detail)]:
            raise Misuse(harmless(detail))
        case [Outcome.FAULT, str(detail)]:
            raise MachineFault(harmless(detail))
        case _:
            raise MachineFault(f"the media service at {at} answers with nonsense")
