"""The form of the vectors on disk: a folder for each kind, with an index and the files it names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from media_format.refusal import Code


class Folder:
    """One kind of vectors, begun afresh."""

    def __init__(self, root: Path, kind: str) -> None:
        self._path = root / kind
        shutil.rmtree(self._path, ignore_errors=True)
        self._path.mkdir(parents=True)
        self._vectors: list[dict[str, Any]] = []

    def file(self, name: str, data: bytes) -> str:
        """Keep `data` under a name; returns the name."""
        path = self._path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return name

    def add(self, name: str, refusal: Code | None = None, **fields: Any) -> None:
        """One more vector: what it shows, and the code a reader refuses it with, if any."""
        self._vectors.append({"name": name, **fields, "refusal": refusal})

    def write(self) -> None:
        """Write the index."""
        (self._path / "index.json").write_text(json.dumps(self._vectors, indent=1) + "\n")
