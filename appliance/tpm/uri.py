"""TPM URIs: which backend, and where it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from appliance.tpm.protocol import Tpm
from appliance.tpm.soft import SoftTpm
from media_format.errors import Misuse


def open_tpm(uri: str, *, create: bool, now: Callable[[], int], folder: Path = Path()) -> Tpm:
    """Open, or with `create` make, the TPM that a URI names: "soft:PATH", relative paths below `folder`.

    Raises Misuse for unknown backends, Refusal(tpm-unavailable) when the backend does not answer.
    """
    backend, _, place = uri.partition(":")
    if backend == "soft" and place:
        state = folder / place
        return SoftTpm.make(state, now) if create else SoftTpm.load_from(state, now)
    raise Misuse(f"{uri!r} names no TPM backend of this installation; use soft:PATH")
