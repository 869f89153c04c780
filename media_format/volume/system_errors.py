"""What the system's errors about a medium mean."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from media_format.errors import MachineFault
from media_format.refusal import Code, Refusal

_CODES: Final = {
    errno.EROFS: Code.MEDIUM_WRITE_PROTECTED,
    errno.EBUSY: Code.MEDIUM_BUSY,
    errno.ENOSPC: Code.MEDIUM_FULL,
    **dict.fromkeys(
        (
            errno.EIO,
            errno.ENODEV,
            errno.ENXIO,
            errno.ENOMEDIUM,
            errno.EREMOTEIO,
            errno.ETIMEDOUT,
            errno.ESTALE,
        ),
        Code.MEDIUM_PULLED,
    ),
}


@contextmanager
def naming_errors(what: str) -> Iterator[None]:
    """Turn the system's errors about a medium into refusals; permissions are the machine's fault."""
    try:
        yield
    except PermissionError:
        raise MachineFault(f"{what}: no permission; run as a user who may use removable media") from None
    except OSError as error:
        code = _CODES.get(error.errno or 0, Code.MEDIUM_UNREADABLE)
        raise Refusal(code, f"{what}: {os.strerror(error.errno or 0)}") from None
