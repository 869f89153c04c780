"""Landlock (landlock(7)): from now on this process may reach no file, no network and no other process.

A ruleset without rules: everything that the kernel's version of Landlock can deny is denied.
Descriptors that are open already keep what they could do.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import Final

_CREATE_RULESET: Final = 444
_RESTRICT_SELF: Final = 446
"""The same numbers on every architecture."""
_VERSION: Final = 1
_FILE_RIGHTS: Final = ((1, 13), (2, 14), (3, 15), (5, 16))
"""From this ABI version on there are so many rights about files, one bit each."""
_NETWORK: Final = 0b11
_SCOPES: Final = 0b11
"""Abstract Unix sockets and signals."""


def restrict(library: ctypes.CDLL) -> int:
    """Deny this process everything that Landlock can. Returns its ABI version, 0 where there is none."""
    version = library.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    if version < 1:
        return 0
    bits = max(count for since, count in _FILE_RIGHTS if version >= since)
    fields = [(1 << bits) - 1]
    if version >= 4:
        fields.append(_NETWORK)
    if version >= 6:
        fields.append(_SCOPES)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = library.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return 0
    try:
        done = library.syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
    return version if done == 0 else 0
