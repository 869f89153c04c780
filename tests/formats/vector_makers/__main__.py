"""Write all vectors into the folder that is named: scripts/make-vectors."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.formats.vector_makers import encoding, objects, packages, payloads, recipients, signed, table


def make_all(folder: Path) -> None:
    """Write every kind into its own folder below `folder`."""
    for kind in (encoding, objects, signed, table, payloads, recipients, packages):
        kind.make(folder)


if __name__ == "__main__":
    make_all(Path(sys.argv[1]))
