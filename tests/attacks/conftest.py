"""The vendor whose packages are attacked."""

from __future__ import annotations

import pytest

from tests.trust_world import World


@pytest.fixture(scope="module")
def world() -> World:
    return World()
