"""The register: what the vendor has issued, revoked and released. Nothing in it is secret."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from media_format.durable import replace_file
from media_format.errors import MachineFault


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate: who holds it, for which purpose, under which issuer. Times as everywhere in seconds."""

    serial: str
    """Hexadecimal."""
    purpose: str
    issuer: str
    id: str
    issued: int
    epoch: int = 0
    product: str = ""
    hardware: str = ""
    revoked: int | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """A release: where it stands in its line, and its manifest digest in hexadecimal."""

    product: str
    line: str
    version: str
    index: int
    manifest_digest: str
    created: int


@dataclass(slots=True)
class Register:
    """The vendor's book. `save` makes changes durable."""

    path: Path
    issued: list[Issued] = field(default_factory=list)
    released: list[Released] = field(default_factory=list)
    indexes: dict[str, int] = field(default_factory=dict)
    crl_numbers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Register:
        """Read the book. MachineFault if it is missing or damaged."""
        try:
            raw: dict[str, Any] = json.loads(path.read_bytes())
            return cls(
                path,
                [Issued(**entry) for entry in raw["issued"]],
                [Released(**entry) for entry in raw["released"]],
                raw["indexes"],
                raw["crl_numbers"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise MachineFault(f"{path}: the vendor's register cannot be read ({error})") from None

    def save(self) -> None:
        """Write the book durably."""
        raw = {
            "issued": [asdict(entry) for entry in self.issued],
            "released": [asdict(entry) for entry in self.released],
            "indexes": self.indexes,
            "crl_numbers": self.crl_numbers,
        }
        replace_file(self.path, json.dumps(raw, indent=1).encode())

    def next_index(self, product: str, line: str) -> int:
        """The next release index of a line, never given out twice."""
        place = json.dumps([product, line])
        self.indexes[place] = self.indexes.get(place, 0) + 1
        return self.indexes[place]

    def hardware(self, product: str) -> tuple[str, ...]:
        """Every hardware of a product that a device was enrolled with."""
        return tuple(
            sorted({entry.hardware for entry in self.issued if entry.hardware and entry.product == product})
        )
