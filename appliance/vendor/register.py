"""The register: what the vendor has issued, revoked and released. Nothing in it is secret."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from media_format.durable import replace_file
from media_format.errors import MachineFault
from media_format.locking import locked


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate: who holds it, for which purpose, under which issuer. Times as everywhere in seconds."""

    serial: str
    """Hexadecimal."""
    purpose: str
    issuer: str
    id: str
    issued: int
    expires: int | None
    """None for one that never does."""
    epoch: int = 0
    product: str = ""
    hardware: str = ""
    revoked: int | None = None
    key: str = ""
    """SHA-256 over the certified key, in hexadecimal."""


@dataclass(frozen=True, slots=True)
class Released:
    """A release: where it stands in its line, and its manifest digest in hexadecimal."""

    product: str
    line: str
    version: str
    index: int
    manifest_digest: str
    created: int
    slots: tuple[str, ...] = ()
    """What its images are for; none where that was not kept yet."""


@dataclass(slots=True)
class Register:
    """The vendor's book. Changes are made within `changing`."""

    path: Path
    issued: list[Issued] = field(default_factory=list)
    released: list[Released] = field(default_factory=list)
    indexes: dict[str, int] = field(default_factory=dict)
    crl_numbers: dict[str, int] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Register:
        """Read the book. MachineFault if it is missing or damaged."""
        register = cls(path)
        register.reload()
        return register

    def reload(self) -> None:
        """Read the book again. MachineFault if it is missing or damaged."""
        path = self.path
        try:
            raw: dict[str, Any] = json.loads(path.read_bytes())
            self.issued = [Issued(**entry) for entry in raw["issued"]]
            self.released = [_released(**entry) for entry in raw["released"]]
            self.indexes, self.crl_numbers = raw["indexes"], raw["crl_numbers"]
            self.sequences = raw["sequences"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MachineFault(f"{path}: the vendor's register cannot be read ({error})") from None

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Change the book as it stands on disk now; it is saved at the end, unless something is raised.

        Other processes wait: two of them would give out one index, or one CRL number, twice.
        """
        with locked(self.path.with_suffix(".lock")):
            self.reload()
            yield
            self.save()

    def save(self) -> None:
        """Write the book durably."""
        raw = {
            "issued": [asdict(entry) for entry in self.issued],
            "released": [asdict(entry) for entry in self.released],
            "indexes": self.indexes,
            "crl_numbers": self.crl_numbers,
            "sequences": self.sequences,
        }
        replace_file(self.path, json.dumps(raw, indent=1).encode())

    def next_index(self, product: str, line: str) -> int:
        """The next release index of a line, never given out twice."""
        place = json.dumps([product, line])
        self.indexes[place] = self.indexes.get(place, 0) + 1
        return self.indexes[place]

    def next_sequence(self, role: str, id: str, epoch: int) -> int:
        """The next number of a directive for one machine, never given out twice."""
        place = json.dumps([role, id, epoch])
        self.sequences[place] = self.sequences.get(place, 0) + 1
        return self.sequences[place]

    def holding(self, purpose: str, id: str, epoch: int | None = None) -> Issued | None:
        """The newest certificate for a purpose that `id` holds, in its newest epoch unless one is named.

        None where it holds none that is not revoked.
        """
        found = [
            entry
            for entry in self.issued
            if (entry.purpose, entry.id) == (purpose, id)
            and entry.revoked is None
            and epoch in (None, entry.epoch)
        ]
        return max(reversed(found), key=lambda entry: entry.epoch, default=None)

    def hardware(self, product: str) -> tuple[str, ...]:
        """Every hardware of a product that a device was enrolled with."""
        return tuple(
            sorted({entry.hardware for entry in self.issued if entry.hardware and entry.product == product})
        )


def _released(slots: Sequence[str] = (), **entry: Any) -> Released:
    return Released(slots=tuple(slots), **entry)
