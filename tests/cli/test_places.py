"""Where a role lives when nobody says so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.cli.places import default_folder
from tests.cli.workshop import Workshop


def test_root_uses_the_systems_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("XDG_STATE_HOME", "/elsewhere")
    assert default_folder("box") == Path("/var/lib/updatebox/box")


@pytest.mark.parametrize(
    ("state", "expected"),
    [("/srv/state", "/srv/state/updatebox/device"), ("", "/home/ada/.local/state/updatebox/device")],
)
def test_others_use_their_state_directory(monkeypatch: pytest.MonkeyPatch, state: str, expected: str) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("XDG_STATE_HOME", state)
    assert default_folder("device") == Path(expected)


def test_a_directory_that_is_not_absolute_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("XDG_STATE_HOME", "state")
    assert default_folder("vendor") == Path("/home/ada/.local/state/updatebox/vendor")


def test_a_verb_finds_the_role_without_being_told(
    delivered: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = delivered.folder / "var"
    folder.mkdir()
    (folder / "box").symlink_to(delivered.box)
    monkeypatch.setattr("appliance.cli.places.default_folder", lambda role: folder / role)
    assert delivered.do("box", "status")["status"]["id"] == "BOX-1"
    assert delivered.do("box", "admit", delivered.stick)["requests"][0]["device_id"] == "PUMP-1"
