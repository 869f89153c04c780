"""What a box keeps is for the user who runs it alone, wherever its folder came from."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.box import BoxService, Person
from media_format.progress import silent
from tests.workshop import PASSPHRASE, PIN, Workshop, now

PUBLIC = {"certificates.pem"}
"""What the vendor signed, for anybody to read."""


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def readable_by_others(folder: Path) -> set[str]:
    return {
        path.name
        for path in folder.rglob("*")
        if stat.S_IMODE(path.stat().st_mode) & 0o077 and path.parent.stat().st_mode & 0o077
    }


def test_nobody_else_reads_a_box_that_was_made_in_a_folder_open_to_all(tmp_path: Path) -> None:
    (tmp_path / "box-1").mkdir(mode=0o755)
    box = Workshop(tmp_path).box()
    assert readable_by_others(box.folder) == PUBLIC


def test_nobody_else_reads_what_was_put_back_into_such_a_folder(tmp_path: Path) -> None:
    (tmp_path / "box-1").mkdir(mode=0o755)
    box = Workshop(tmp_path).box()
    box.service.backup(tmp_path / "backup", PASSPHRASE, box.session, silent)
    BoxService.restore(box.folder, tmp_path / "backup", PASSPHRASE, Person("chief", PIN), now=now)
    assert readable_by_others(box.folder) <= PUBLIC
