"""The TPM abstraction: one protocol, one backend a file. Keys are used here and never read.

`open_tpm` is loaded when it is first used: a keystore lives in this package, and must not load how it is
found and started.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from appliance.tpm.protocol import NO_AUTHORISATION, Authorisation, KeyKind, Tpm, TpmStatus

if TYPE_CHECKING:
    from appliance.tpm.uri import open_tpm

__all__ = ["NO_AUTHORISATION", "Authorisation", "KeyKind", "Tpm", "TpmStatus", "open_tpm"]


def __getattr__(name: str) -> object:
    if name != "open_tpm":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.uri"), name)
