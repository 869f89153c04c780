"""Where the courier's process begins: `python -I -m appliance.media.courier DESCRIPTOR`."""

from __future__ import annotations

import codecs
import gc
import mmap
import os
import socket
import sys
from collections.abc import Callable
from typing import Final

from appliance.media.courier.messages import BUFFER, MAX_MESSAGE, VERSION, decode, encode
from appliance.media.courier.sandbox import confine
from appliance.media.courier.server import serve
from media_format.errors import MachineFault
from media_format.volume.blocks import Blocks
from media_format.volume.descriptor import Descriptor

_CODECS: Final = ("ascii", "utf-8", "utf-16-le", "ibm437")
"""Python loads them when they are first used, which is too late in here."""

Serve = Callable[[socket.socket, mmap.mmap, Blocks], None]


def run(number: int, serve: Serve) -> None:
    """Take the medium over through the socket `number`, close the sandbox, then `serve`."""
    link = socket.socket(fileno=number)
    for codec in _CODECS:
        codecs.lookup(codec)
    message, fds, _, _ = socket.recv_fds(link, MAX_MESSAGE, 3)
    version, name, writable, direct = decode(message, "the handover")
    if version != VERSION or not isinstance(name, str) or len(fds) != 2 + bool(direct):
        raise MachineFault("the courier and its client are of different versions")
    buffer = mmap.mmap(fds[0], BUFFER)
    blocks = Descriptor(fds[1], name, writable=bool(writable), direct=fds[2] if direct else None)
    gc.collect()
    # mmap holds a descriptor of its own for the buffer, which the sandbox does not know of and closes.
    confinement = confine([number, *fds[1:]], blocks.size)
    link.send(encode([VERSION, *confinement.values()]))
    serve(link, buffer, blocks)


if __name__ == "__main__":
    run(int(sys.argv[1]), serve)
    os._exit(0)  # nothing is left to tidy up, and its client waits
