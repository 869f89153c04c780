"""What a backup or a restore leaves that was killed: it blocks nothing, is told of, and goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.box import BoxService, Person
from appliance.box.scratch import BACKUP, RESTORE, scratch
from media_format.progress import silent
from tests.workshop import PIN, Box, Workshop, files, now

SECRET = "a long passphrase"


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Workshop(tmp_path).box()


def left(box: Box, name: str) -> Path:
    """A folder as a killed program leaves it."""
    folder = box.folder / name
    folder.mkdir()
    (folder / "box.db").write_bytes(b"everything")
    return folder


def test_a_backup_that_was_killed_does_not_block_its_name(box: Box) -> None:
    file = box.folder.parent / "backup"
    file.with_name(".backup.0123abcd.new").write_bytes(b"half of it")
    box.service.backup(file, SECRET, box.session, silent)
    assert sorted(path.name for path in file.parent.glob("*backup*")) == ["backup"]


def test_the_next_backup_removes_what_killed_ones_left(box: Box) -> None:
    found = left(box, f"{BACKUP}1"), left(box, f"{RESTORE}2")
    box.service.backup(box.folder.parent / "backup", SECRET, box.session, silent)
    assert not any(folder.exists() for folder in found)


def test_the_next_restore_removes_what_killed_ones_left(box: Box) -> None:
    file = box.folder.parent / "backup"
    box.service.backup(file, SECRET, box.session, silent)
    found = left(box, f"{BACKUP}1"), left(box, f"{RESTORE}2")
    BoxService.restore(box.folder, file, SECRET, Person("chief", PIN), now=now)
    assert not any(folder.exists() for folder in found)


def test_a_check_tells_of_what_killed_ones_left_and_of_nothing_in_use(box: Box) -> None:
    left(box, f"{RESTORE}2")
    with scratch(box.folder, BACKUP):
        left(box, f"{RESTORE}3")
        found = box.service.check(silent)
    assert [(finding.place, finding.wrong) for finding in found] == [(f"{RESTORE}3", False)]


def test_what_another_program_works_in_is_not_removed(box: Box) -> None:
    with scratch(box.folder, RESTORE) as work:
        box.service.backup(box.folder.parent / "backup", SECRET, box.session, silent)
        assert work.is_dir()


def test_a_backup_removes_no_file_of_somebody_elses(box: Box) -> None:
    folder = box.folder.parent / "shared"
    folder.mkdir()
    theirs = {".weekly.notes.renew": b"notes", ".weekly.old.new": b"old", ".weekly.new": b"new"}
    for name, data in theirs.items():
        (folder / name).write_bytes(data)
    (folder / ".weekly.89abcdef.new").mkdir()
    box.service.backup(folder / "weekly", SECRET, box.session, silent)
    assert files(folder) == theirs | {"weekly": (folder / "weekly").read_bytes()}
