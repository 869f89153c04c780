"""Fixtures: a copy of each stage in `tests.cli.stages`, for the test alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli import stages
from tests.cli.workshop import Workshop


@pytest.fixture(scope="session")
def _enrolled(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return stages.enrolled(tmp_path_factory.mktemp("cli") / "enrolled")


@pytest.fixture(scope="session")
def _delivered(_enrolled: Workshop) -> Workshop:
    return stages.delivered(_enrolled.folder.parent / "delivered", _enrolled)


@pytest.fixture(scope="session")
def _running(_delivered: Workshop) -> Workshop:
    return stages.running(_delivered.folder.parent / "running", _delivered)


@pytest.fixture(scope="session")
def _upgraded(_running: Workshop) -> Workshop:
    return stages.upgraded(_running.folder.parent / "upgraded", _running)


@pytest.fixture
def enrolled(_enrolled: Workshop, tmp_path: Path) -> Workshop:
    """A vendor, a box and two devices; no release yet."""
    return _enrolled.copy(tmp_path / "shop")


@pytest.fixture
def delivered(_delivered: Workshop, tmp_path: Path) -> Workshop:
    """The stick holds release 1.0.0 for PUMP-1."""
    return _delivered.copy(tmp_path / "shop")


@pytest.fixture
def running(_running: Workshop, tmp_path: Path) -> Workshop:
    """PUMP-1 runs 1.0.0 and has asked anew; the box holds 1.1.0."""
    return _running.copy(tmp_path / "shop")


@pytest.fixture
def upgraded(_upgraded: Workshop, tmp_path: Path) -> Workshop:
    """PUMP-1 runs 1.1.0 and has asked anew; the box holds 1.0.0 and 1.1.0."""
    return _upgraded.copy(tmp_path / "shop")
