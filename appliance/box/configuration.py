"""box.toml: the box's name, where its TPM is, which clocks it asks."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from appliance.trust.time_sources import check_sources
from media_format.durable import replace_file
from media_format.errors import MachineFault, Misuse

FILE: Final = "box.toml"


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of one box. `loops` are loop devices that count as media."""

    id: str
    tpm: str
    time_sources: tuple[str, ...] = ("development",)
    allow_by_default: bool = True
    loops: tuple[str, ...] = ()
    quota: int = 0
    """Bytes that all sealed packages may take; 0 is as many as the disk has."""

    def save(self, folder: Path) -> None:
        """Write box.toml."""
        lines = [f"{item.name} = {json.dumps(getattr(self, item.name))}\n" for item in fields(self)]
        replace_file(folder / FILE, "".join(lines).encode())

    @classmethod
    def load(cls, folder: Path) -> Configuration:
        """Read box.toml. Misuse where there is no box, and for keys it does not know."""
        path = folder / FILE
        try:
            raw: dict[str, Any] = tomllib.loads(path.read_text())
        except FileNotFoundError:
            raise Misuse(
                f"{folder}: there is no box here; name its directory, or make one: updatebox box init"
            ) from None
        except (OSError, ValueError) as error:
            raise MachineFault(f"{path}: cannot be read ({error})") from None
        expected: dict[str, type] = {
            "id": str,
            "tpm": str,
            "time_sources": list,
            "allow_by_default": bool,
            "loops": list,
            "quota": int,
        }
        for key, value in raw.items():
            if key not in expected:
                raise Misuse(f"{path}: unknown key {key!r}")
            if type(value) is not expected[key]:
                raise Misuse(f"{path}: {key} must be of type {expected[key].__name__}")
            if isinstance(value, list) and not all(isinstance(item, str) for item in value):
                raise Misuse(f"{path}: {key} must be a list of texts")
        missing = {"id", "tpm"} - set(raw)
        if missing:
            raise Misuse(f"{path}: {', '.join(sorted(missing))} is missing")
        sources = tuple(raw.get("time_sources", ("development",)))
        check_sources(sources)
        quota = raw.get("quota", 0)
        if quota < 0:
            raise Misuse(f"{path}: quota must be a number of bytes, or 0 for as many as there are")
        return cls(
            id=raw["id"],
            tpm=raw["tpm"],
            time_sources=sources,
            allow_by_default=raw.get("allow_by_default", True),
            loops=tuple(raw.get("loops", ())),
            quota=quota,
        )
