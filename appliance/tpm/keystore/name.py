"""The name of a keystore's socket, new at each start.

A keystore listens on an abstract socket (unix(7)): nothing of it stands among the keys, and it is gone with
the process. Anyone may take such a name, so nobody may know it beforehand: it is made of random bytes, which
stand in the folder of keys, and of the folder's inode, so that a folder that was copied is another one. What
anyone can read in /proc/net/unix is the name of a keystore that listens already.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from media_format.durable import replace_file
from media_format.refusal import Code, Refusal

FILE_NAME: Final = "keystore.name"
_SIZE: Final = 16


@contextmanager
def serving(folder: Path) -> Iterator[None]:
    """Be the one keystore that serves the keys in a folder by name. Refusal(tpm-unavailable) if one does."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refusal(Code.TPM_UNAVAILABLE, f"{folder}: another keystore serves these keys") from None
        yield
    finally:
        os.close(fd)


def new_seed() -> bytes:
    """What the name of a keystore that starts is made of."""
    return os.urandom(_SIZE)


def publish(folder: Path, seed: bytes) -> None:
    """Tell the clients, once the socket listens."""
    replace_file(folder / FILE_NAME, seed)


def published(folder: Path) -> bytes | None:
    """The seed of the keystore that was started last; None where there is none."""
    try:
        seed = (folder / FILE_NAME).read_bytes()
    except FileNotFoundError:
        return None
    return seed if len(seed) == _SIZE else None


def abstract_name(folder: Path, seed: bytes) -> bytes:
    """The address to bind or to connect to."""
    status = folder.stat()
    inode = b"%x-%x" % (status.st_dev, status.st_ino)
    return b"\0updatebox/keystore/" + hashlib.sha256(seed + inode).hexdigest().encode()
