"""Refusals that leave no receipt of their own: counted by code, and the ones that were receipted already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Final

from appliance.device.storage import Storage, read_state
from media_format.errors import MachineFault
from media_format.objects import RefusalCount
from media_format.refusal import Code, Refusal
from media_format.wire import IDENTIFIER, Many, Nested, Record, Word, key, record

FILE_NAME: Final = "refusals.cbor"
_REMEMBERED: Final = 256
_MAX_CODES: Final = 64


@record
class _Told(Record):
    """A package and the code of the receipt that told of its refusal."""

    NAME: ClassVar[str] = "told refusal"

    package_id: bytes = key(1, IDENTIFIER)
    code: Code = key(2, Word(Code))


@record
class _RefusalsFile(Record):
    """What refusals.cbor holds."""

    NAME: ClassVar[str] = "refusals"

    counts: tuple[RefusalCount, ...] = key(1, Many(Nested(RefusalCount), _MAX_CODES))
    told: tuple[_Told, ...] = key(2, Many(Nested(_Told), _REMEMBERED))


class RefusalBook:
    """Keeps garbage from filling the flash: one file of bounded size."""

    def __init__(self, folder: Path, storage: Storage) -> None:
        self._path = folder / FILE_NAME
        self._storage = storage

    def counts(self) -> tuple[RefusalCount, ...]:
        """How often each code refused something since `reset`."""
        return self._read().counts

    def count(self, codes: Iterable[Code]) -> None:
        """Add refusals of what was not addressed to this device."""
        new = Counter(codes)
        if not new:
            return
        found = self._read()
        total = Counter({entry.code: entry.count for entry in found.counts}) + new
        counts = tuple(RefusalCount(code=code, count=total[code]) for code in sorted(total))
        self._write(counts, found.told)

    def reset(self) -> None:
        """A box has seen the counts: it acknowledged a receipt."""
        found = self._read()
        if found.counts:
            self._write((), found.told)

    def was_told(self, package_id: bytes, code: Code) -> bool:
        """Whether a receipt told of this refusal: a stick that stays in the port makes no second one."""
        return any((told.package_id, told.code) == (package_id, code) for told in self._read().told)

    def tell(self, package_id: bytes, code: Code) -> None:
        """Remember that a receipt tells of it; the newest 256 are kept."""
        if self.was_told(package_id, code):
            return
        found = self._read()
        self._write(found.counts, (*found.told, _Told(package_id=package_id, code=code))[-_REMEMBERED:])

    def _read(self) -> _RefusalsFile:
        data = read_state(self._path)
        try:
            return _RefusalsFile(counts=(), told=()) if data is None else _RefusalsFile.from_bytes(data)
        except Refusal as refusal:
            raise MachineFault(f"{self._path} is damaged: {refusal.detail}") from None

    def _write(self, counts: tuple[RefusalCount, ...], told: tuple[_Told, ...]) -> None:
        self._storage.replace(self._path, _RefusalsFile(counts=counts, told=told).to_bytes())
