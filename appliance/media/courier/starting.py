"""Starting a courier and handing it one medium."""

from __future__ import annotations

import fcntl
import mmap
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

from appliance.media.courier.client import CourierVolume
from appliance.media.courier.link import SILENCE, Link
from appliance.media.courier.messages import BUFFER, VERSION, encode
from appliance.media.courier.sandbox import Confinement
from media_format.cbor import Value
from media_format.volume.descriptor import Descriptor

COMMAND: Final = (sys.executable, "-I", "-m", "appliance.media.courier")


def open_in_courier(disk: Descriptor, name: str, *, writable: bool) -> CourierVolume:
    """The volume on a medium, in a courier of its own. Takes `disk` over: the courier holds it then.

    Refusal(medium-*) for what the courier finds, MachineFault if none can be started.
    """
    try:
        courier = start(COMMAND, disk.handles(), name, disk.size, writable=writable)
    finally:
        disk.close()
    volume = CourierVolume(courier.link, courier.buffer, courier.confinement, disk.size)
    try:
        volume.open()
    except BaseException:
        volume.close()
        raise
    return volume


@dataclass(frozen=True, slots=True)
class Courier:
    """A courier that runs and has read nothing yet: how to talk to it, and what keeps it in."""

    link: Link
    buffer: mmap.mmap
    confinement: Confinement


def start(
    command: Sequence[str],
    medium: Sequence[int],
    name: str,
    size: int,
    *,
    writable: bool,
    silence: float = SILENCE,
) -> Courier:
    """Run `command` as a courier, its socket's number being the last argument, and pass it the medium.

    `medium` are the descriptors of `Descriptor.handles`, `size` is how many bytes the medium has; after
    `silence` seconds without an answer it is taken for dead.
    """
    with ExitStack() as stack:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        stack.callback(ours.close)
        stack.callback(theirs.close)
        process = subprocess.Popen(
            [*command, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={"LC_ALL": "C.UTF-8"},
            cwd="/",
            start_new_session=True,
        )
        theirs.close()
        link = Link(process, ours, name, size, silence)
        stack.callback(link.end)
        shared = _shared_memory()
        stack.callback(os.close, shared)
        buffer = mmap.mmap(shared, BUFFER)
        handover = encode([VERSION, name, writable, len(medium) > 1])
        with suppress(BrokenPipeError):  # it ended at once: `ready` says so
            socket.send_fds(ours, [handover], [shared, *medium])
        confinement = _confinement(link, link.ready())
        stack.pop_all()
        os.close(shared)
    return Courier(link, buffer, confinement)


def _shared_memory() -> int:
    """Memory whose size nobody can change: it cannot be taken away under the client's feet."""
    shared = os.memfd_create("courier", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.truncate(shared, BUFFER)
    fcntl.fcntl(shared, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return shared


def _confinement(link: Link, message: Sequence[Value]) -> Confinement:
    match message:
        case [
            int(version),
            bool(privileges),
            bool(undumpable),
            int(landlock),
            bool(seccomp),
            user,
            int(memory),
        ] if version == VERSION and (user is None or isinstance(user, int)):
            return Confinement(privileges, undumpable, landlock, seccomp, user, memory)
    raise link.distrust("how it begins")
