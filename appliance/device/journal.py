"""The journal: how far an install has come, so that a cut resumes at the last durable chunk."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from pathlib import Path
from typing import ClassVar, Final

from appliance.device.storage import Storage, read_state
from media_format.objects.manifest import SHORT
from media_format.refusal import Refusal
from media_format.wire import DIGEST, IDENTIFIER, Many, Nested, Number, Record, Uint, key, record

FILE_NAME: Final = "journal.cbor"


class Phase(IntEnum):
    """How far the install in the journal is."""

    WRITING = 1
    """Chunks before `done` are durable in the slot."""
    WRITTEN = 2
    """The slot was read back and is right; the record and the boot control may not know it yet."""


@record
class Target(Record):
    """A bank that takes the release."""

    NAME: ClassVar[str] = "target bank"

    slot: str = key(1, SHORT)
    bank: int = key(2, Uint(0, 1))


@record
class Entry(Record):
    """One install. `done` counts chunks over the whole release."""

    NAME: ClassVar[str] = "journal"

    phase: Phase = key(1, Number(Phase))
    manifest_digest: bytes = key(2, DIGEST)
    package_id: bytes = key(3, IDENTIFIER)
    targets: tuple[Target, ...] = key(4, Many(Nested(Target), 64, 1))
    done: int = key(5, Uint())

    @property
    def banks(self) -> dict[str, int]:
        """The bank of each slot that takes the release."""
        return {target.slot: target.bank for target in self.targets}


def targets(banks: Mapping[str, int]) -> tuple[Target, ...]:
    """Banks as the journal writes them."""
    return tuple(Target(slot=slot, bank=bank) for slot, bank in sorted(banks.items()))


class Journal:
    """At most one install. A journal that cannot be read is none: the install begins again."""

    def __init__(self, folder: Path, storage: Storage) -> None:
        self._path = folder / FILE_NAME
        self._storage = storage

    def read(self) -> Entry | None:
        """The install that was interrupted."""
        data = read_state(self._path)
        try:
            return None if data is None else Entry.from_bytes(data)
        except Refusal:
            return None

    def write(self, entry: Entry) -> None:
        """Replace the entry durably."""
        self._storage.replace(self._path, entry.to_bytes())

    def clear(self) -> None:
        """Nothing is under way."""
        self._storage.remove(self._path)
