"""The disk of the power cuts loses what a real one may lose, and nothing else."""

from __future__ import annotations

from pathlib import Path
from random import Random

from tests.power.disk import Create, Cut, Disk, Event, Left, Loss, Rename, Said, Sync, Write, cuts

OLD, NEW = b"old" * 1000, b"new" * 1000


def every_left(folder: Path, events: list[Event], loss: Loss) -> list[Left]:
    """What cuts after the last event may leave, as far as many tries show."""
    found: list[Left] = []
    for seed in range(200):
        disk = Disk(folder)
        for event in events:
            disk.apply(event)
        left = disk.left(loss, Random(seed))
        if left not in found:
            found.append(left)
    return found


def folder(tmp_path: Path) -> Path:
    """A folder with one file."""
    (tmp_path / "file").write_bytes(OLD)
    return tmp_path


def test_what_was_not_synced_is_lost(tmp_path: Path) -> None:
    written: list[Event] = [Write("file", 0, NEW)]
    assert every_left(folder(tmp_path), written, Loss.ALL) == [{"file": OLD}]
    assert every_left(tmp_path, [*written, Sync("file")], Loss.ALL) == [{"file": NEW}]


def test_a_killed_program_loses_nothing(tmp_path: Path) -> None:
    assert every_left(folder(tmp_path), [Write("file", 0, NEW)], Loss.NOTHING) == [{"file": NEW}]


def test_sectors_that_were_not_synced_are_old_or_new_each_by_itself(tmp_path: Path) -> None:
    found = {left["file"] for left in every_left(folder(tmp_path), [Write("file", 0, NEW)], Loss.SOME)}
    assert {OLD, NEW} < found
    assert {data[512:1024] for data in found if data} == {OLD[512:1024], NEW[512:1024]}


def test_a_torn_sector_is_new_up_to_some_byte(tmp_path: Path) -> None:
    found = every_left(folder(tmp_path), [Write("file", 0, NEW)], Loss.TORN)
    sectors = {left["file"][:512] for left in found if left["file"]}
    assert all(any(sector == NEW[:n] + OLD[n:512] for n in range(513)) for sector in sectors)
    assert len(sectors) > 2


def test_a_new_file_needs_its_own_sync_and_its_folders(tmp_path: Path) -> None:
    made: list[Event] = [Create("new"), Write("new", 0, NEW)]
    assert every_left(folder(tmp_path), [*made, Sync("new")], Loss.ALL) == [{"file": OLD}]
    assert every_left(tmp_path, [*made, Sync(".")], Loss.ALL) == [{"file": OLD, "new": b""}]
    assert every_left(tmp_path, [*made, Sync("new"), Sync(".")], Loss.ALL) == [{"file": OLD, "new": NEW}]


def test_a_file_that_was_replaced_without_a_sync_may_be_empty(tmp_path: Path) -> None:
    careless: list[Event] = [Create("new"), Write("new", 0, NEW), Rename("new", "file"), Sync(".")]
    careful: list[Event] = [*careless[:2], Sync("new"), Rename("new", "file")]
    assert {"file": b""} in every_left(folder(tmp_path), careless, Loss.SOME)
    whole = every_left(tmp_path, careful, Loss.SOME)
    assert {left["file"] for left in whole} == {OLD, NEW}


def test_cuts_know_what_the_program_had_said(tmp_path: Path) -> None:
    events: list[Event] = [Write("file", 0, NEW), Said(), Sync("file")]
    found = list(cuts(Disk(folder(tmp_path)), events, Loss.ALL, Random(1)))
    assert found == [Cut(0, False, {"file": OLD}), Cut(1, True, {"file": OLD}), Cut(2, True, {"file": NEW})]
