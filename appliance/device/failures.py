"""Failures: releases that failed on this device, as what to install or as a base, are remembered.

The ones are not tried again until someone asks, from the others no chunks are taken until they are
installed anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

from appliance.device.storage import Storage, read_state
from media_format.errors import MachineFault
from media_format.refusal import Refusal
from media_format.wire import DIGEST, Many, Record, key, record

FILE_NAME: Final = "failures.cbor"
UNFIT_NAME: Final = "unfit-bases.cbor"
_REMEMBERED: Final = 64


@record
class _FailuresFile(Record):
    """What either file holds, the oldest first."""

    NAME: ClassVar[str] = "failures"

    manifests: tuple[bytes, ...] = key(1, Many(DIGEST, _REMEMBERED))


class Failures:
    """Manifest digests of releases that failed here; the newest 64."""

    def __init__(self, folder: Path, storage: Storage, name: str = FILE_NAME) -> None:
        self._path = folder / name
        self._storage = storage

    def all(self) -> frozenset[bytes]:
        """Every remembered digest. MachineFault when the file is damaged."""
        return frozenset(self._read())

    def remember(self, manifest_digest: bytes) -> None:
        """Do not try this release again."""
        others = tuple(digest for digest in self._read() if digest != manifest_digest)
        self._write((*others, manifest_digest)[-_REMEMBERED:])

    def forget(self, manifest_digest: bytes) -> None:
        """It may be tried again."""
        known = self._read()
        if manifest_digest in known:
            self._write(tuple(digest for digest in known if digest != manifest_digest))

    def _read(self) -> tuple[bytes, ...]:
        data = read_state(self._path)
        try:
            return () if data is None else _FailuresFile.from_bytes(data).manifests
        except Refusal as refusal:
            raise MachineFault(f"{self._path} is damaged: {refusal.detail}") from None

    def _write(self, manifests: tuple[bytes, ...]) -> None:
        self._storage.replace(self._path, _FailuresFile(manifests=manifests).to_bytes())
