"""A keystore with keys of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tpm.keystores import Keystore, keystore


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keystore]:
    with keystore(tmp_path / "tpm") as made:
        yield made
