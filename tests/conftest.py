"""What holds for every test: reproducible examples, and an environment that is nobody's in particular."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# The slow machine decides: no deadline per example, the same examples in every run.
settings.register_profile(
    "ci", derandomize=True, max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("search", max_examples=2000, deadline=None, print_blob=True)

_PERSONAL = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "PAGER", "EDITOR")


def pytest_configure() -> None:
    """Choose the profile before tests are collected: their decorators read it. ``search`` looks further."""
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests marked ``serial`` to one and the same worker."""
    for item in items:
        if item.get_closest_marker("serial"):
            item.add_marker(pytest.mark.xdist_group("serial"))


@pytest.fixture(autouse=True)
def _impersonal_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing from the caller's shell changes what is printed or where a role keeps its state."""
    for name in (*_PERSONAL, *(name for name in os.environ if name.startswith("XDG_"))):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("TZ", "UTC")
