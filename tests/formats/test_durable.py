"""Durable files: either as they were or as they became."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from media_format.durable import placing, remove_file, replace_file, replacing


def test_a_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    replace_file(tmp_path / "state", b"new")
    assert (tmp_path / "state").read_bytes() == b"new"
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o600


def test_a_file_is_replaced_whole_and_nothing_else_remains(tmp_path: Path) -> None:
    replace_file(tmp_path / "state", b"a long old state")
    replace_file(tmp_path / "state", b"new", 0o644)
    assert (tmp_path / "state").read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [tmp_path / "state"]


def test_what_an_earlier_cut_left_does_not_disturb(tmp_path: Path) -> None:
    (tmp_path / ".state.new").write_bytes(b"half of something longer than what comes")
    replace_file(tmp_path / "state", b"new")
    assert (tmp_path / "state").read_bytes() == b"new"


def test_the_file_is_on_the_disk_before_its_name_and_the_name_before_the_call_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def recorded_fsync(fd: int) -> None:
        done.append(Path(f"/proc/self/fd/{fd}").readlink().name)
        fsync(fd)

    def recorded_replace(old: Path, new: Path) -> None:
        done.append("rename")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "replace", recorded_replace)
    replace_file(tmp_path / "state", b"new")
    assert done == [".state.new", "rename", tmp_path.name]


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """As on a disk that is full: what is written beyond is an error."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_failed_write_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    replace_file(tmp_path / "state", b"old")
    with files_no_larger_than(4096), pytest.raises(OSError, match="File too large"):
        replace_file(tmp_path / "state", bytes(8192))
    assert [(left.name, left.read_bytes()) for left in tmp_path.iterdir()] == [("state", b"old")]


def test_a_file_that_is_written_in_parts_takes_the_old_ones_place_when_it_is_complete(tmp_path: Path) -> None:
    replace_file(tmp_path / "state", b"old")
    with replacing(tmp_path / "state", 0o644) as file:
        file.write(b"one,")
        file.flush()
        assert (tmp_path / "state").read_bytes() == b"old"
        file.write(b"two")
    assert (tmp_path / "state").read_bytes() == b"one,two"
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [tmp_path / "state"]


def test_a_file_that_is_not_written_to_its_end_leaves_the_old_one_and_nothing_else(tmp_path: Path) -> None:
    replace_file(tmp_path / "state", b"old")
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "state") as file:
        file.write(b"one,")
        raise KeyboardInterrupt
    assert (tmp_path / "state").read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [tmp_path / "state"]


def test_a_link_in_the_way_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"the only copy")
    (tmp_path / ".state.new").symlink_to("precious")
    replace_file(tmp_path / "state", b"new")
    assert (tmp_path / "precious").read_bytes() == b"the only copy"
    assert not (tmp_path / "state").is_symlink()


def test_two_programs_that_place_one_file_at_once_leave_a_whole_one(tmp_path: Path) -> None:
    with placing(tmp_path / "export") as one:
        one.write(b"half")
        with placing(tmp_path / "export") as other:
            other.write(b"the other")
        one.write(b" and half")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("export", b"half and half")]


def test_what_a_killed_program_left_of_a_file_goes_when_it_is_placed(tmp_path: Path) -> None:
    (tmp_path / ".export.0123abcd.new").write_bytes(b"half of it")
    with placing(tmp_path / "export", 0o644) as file:
        file.write(b"all of it")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("export", b"all of it")]


def test_removing_is_done_once_and_does_not_mind_a_second_time(tmp_path: Path) -> None:
    replace_file(tmp_path / "state", b"old")
    remove_file(tmp_path / "state")
    remove_file(tmp_path / "state")
    assert list(tmp_path.iterdir()) == []
