"""TPM URIs: which backend, and where it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from appliance.tpm.keystore.client import KeystoreTpm
from appliance.tpm.keystore.starting import connect
from appliance.tpm.protocol import Tpm
from appliance.tpm.soft import SoftTpm
from media_format.errors import Misuse

_PROCESS: Final = "soft"
_IN_PROCESS: Final = "soft-in-process"


def open_tpm(uri: str, *, create: bool, now: Callable[[], int], folder: Path = Path()) -> Tpm:
    """Open, or with `create` make, the TPM that a URI names; relative paths are below `folder`.

    "soft:PATH" is the folder of a soft TPM, whose keystore process is found or started, or the socket of
    one that a service manager started. "soft-in-process:PATH" keeps the keys in the memory of whoever uses
    them, for tests and for machines with a single process.

    Raises Misuse for unknown backends, Refusal(tpm-unavailable) when the backend does not answer.
    """
    backend, _, place = uri.partition(":")
    if backend not in (_PROCESS, _IN_PROCESS) or not place:
        raise Misuse(f"{uri!r} names no TPM backend of this installation; use soft:PATH")
    state = folder / place
    if create:
        SoftTpm.make(state, now)
    if backend == _PROCESS:
        return KeystoreTpm(lambda: connect(state))
    return SoftTpm.load_from(state, now)
