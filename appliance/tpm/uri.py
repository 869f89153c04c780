"""TPM URIs: which backend, and where it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from appliance.tpm.protocol import Tpm
from appliance.tpm.soft import SoftTpm
from media_format.errors import Misuse


def open_tpm(uri: str, *, create: bool, now: Callable[[], int]) -> Tpm:
    """Open, or with `create` make, the TPM that a URI names: "soft:PATH".

    Raises Misuse for unknown backends, Refusal(tpm-unavailable) when the backend does not answer.
    """
    backend, _, place = uri.partition(":")
    if backend == "soft" and place:
        folder = Path(place)
        return SoftTpm.make(folder, now) if create else SoftTpm.load_from(folder, now)
    raise Misuse(f"{uri!r} names no TPM backend of this installation; use soft:PATH")
