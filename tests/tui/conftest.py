"""One place is built for the session; each test gets a copy of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tui.template import Place, build


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return build(tmp_path_factory.mktemp("template"))


@pytest.fixture
def place(template: Place, tmp_path: Path) -> Place:
    return template.copy(tmp_path / "place")
