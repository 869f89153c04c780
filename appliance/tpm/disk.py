"""What the system has against a file of a TPM's state, in words that name the file and the next step."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

from media_format.refusal import Code, Refusal

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)


def failing(path: Path, error: OSError) -> Refusal:
    """The refusal for a TPM whose file `path` cannot be used."""
    return Refusal(Code.TPM_UNAVAILABLE, reason(path, error))


def reason(path: Path, error: OSError) -> str:
    """Why a file of the TPM cannot be used, and what to do about it where that is known."""
    text = f"{path}: {os.strerror(error.errno or 0)}"
    if error.errno in _FULL:
        return f"{text}; make room on the disk of {path.parent}, then do it again"
    if error.errno == errno.EROFS:
        return f"{text}; mount the disk of {path.parent} for writing, then do it again"
    return text
