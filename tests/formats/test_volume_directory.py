"""A mounted volume, which is a directory: what is promised there, and what links and strangers cannot do."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from media_format.errors import Misuse
from media_format.refusal import Code, Refusal
from media_format.volume.directory import DirectoryVolume
from media_format.volume.seam import Entry, ReadBack
from tests.tools import require_root
from tests.volume.images import MIB, must


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[DirectoryVolume]:
    opened = DirectoryVolume(tmp_path)
    yield opened
    opened.close()


def _write(volume: DirectoryVolume, path: str, data: bytes) -> None:
    ticket = volume.begin(path, len(data))
    volume.append(ticket, data)
    volume.commit(ticket)


@contextmanager
def _small_disk(path: Path) -> Iterator[None]:
    """A file system of one mebibyte at `path`."""
    require_root()
    must("mount", "-t", "tmpfs", "-o", "size=1m", "none", path)
    try:
        yield
    finally:
        must("umount", path)


def test_a_file_that_was_committed_is_listed_and_read(volume: DirectoryVolume, tmp_path: Path) -> None:
    _write(volume, "A/B/FILE.BIN", b"abcdef")
    assert volume.list("A") == (Entry("B", 0, True),)
    assert volume.list("A/B") == (Entry("FILE.BIN", 6, False),)
    assert volume.read_object("A/B/FILE.BIN", 6) == b"abcdef"
    assert volume.read_run("A/B/FILE.BIN", 2, 3) == b"cde"
    assert (tmp_path / "A/B/FILE.BIN").read_bytes() == b"abcdef"


def test_a_file_has_its_name_only_when_it_is_whole(volume: DirectoryVolume, tmp_path: Path) -> None:
    ticket = volume.begin("FILE.BIN", 3)
    volume.append(ticket, b"abc")
    assert not (tmp_path / "FILE.BIN").exists()
    volume.commit(ticket)
    assert [path.name for path in tmp_path.iterdir()] == ["FILE.BIN"]


def test_what_was_settled_is_read_from_the_medium(volume: DirectoryVolume) -> None:
    _write(volume, "FILE.BIN", b"abc")
    assert volume.settle() is ReadBack.FLUSHED
    assert volume.read_object("FILE.BIN", 3) == b"abc"


def test_a_directory_tells_its_room(volume: DirectoryVolume) -> None:
    info = volume.info()
    assert info.kind == "directory"
    assert 0 < info.free <= info.capacity


def test_a_discarded_file_leaves_nothing(volume: DirectoryVolume, tmp_path: Path) -> None:
    ticket = volume.begin("FILE.BIN", 3)
    volume.append(ticket, b"a")
    volume.discard(ticket)
    volume.discard(ticket)
    assert list(tmp_path.iterdir()) == []


def test_closing_discards_what_was_begun_and_may_be_repeated(volume: DirectoryVolume, tmp_path: Path) -> None:
    volume.begin("FILE.BIN", 3)
    volume.close()
    volume.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_cut_left_of_an_earlier_try_is_written_anew(volume: DirectoryVolume, tmp_path: Path) -> None:
    (tmp_path / "FILE.~01").write_bytes(b"half of it")
    _write(volume, "FILE.BIN", b"abc")
    assert [path.name for path in tmp_path.iterdir()] == ["FILE.BIN"]


def test_a_file_is_never_overwritten(volume: DirectoryVolume, tmp_path: Path) -> None:
    (tmp_path / "FILE.BIN").write_bytes(b"first")
    with pytest.raises(Misuse, match="never overwritten"):
        volume.begin("FILE.BIN", 1)


def test_a_file_that_appeared_meanwhile_is_never_overwritten(volume: DirectoryVolume, tmp_path: Path) -> None:
    ticket = volume.begin("FILE.BIN", 0)
    (tmp_path / "FILE.BIN").write_bytes(b"first")
    with pytest.raises(Misuse, match="never overwritten"):
        volume.commit(ticket)
    assert (tmp_path / "FILE.BIN").read_bytes() == b"first"


def test_two_files_are_not_begun_under_one_name(volume: DirectoryVolume) -> None:
    volume.begin("FILE.BIN", 1)
    with pytest.raises(Misuse, match="never overwritten"):
        volume.begin("FILE.BIN", 1)


def test_more_or_fewer_bytes_than_announced_are_misuse(volume: DirectoryVolume) -> None:
    ticket = volume.begin("FILE.BIN", 2)
    volume.append(ticket, b"a")
    with pytest.raises(Misuse, match="1 of 2"):
        volume.commit(ticket)
    with pytest.raises(Misuse, match="more bytes"):
        volume.append(ticket, b"bc")


def test_an_unknown_ticket_and_a_negative_size_are_misuse(volume: DirectoryVolume) -> None:
    with pytest.raises(Misuse):
        volume.append(7, b"x")
    with pytest.raises(Misuse):
        volume.begin("FILE.BIN", -1)


@pytest.mark.parametrize(
    "path", ["", "..", "../FILE", "A/../../FILE", "A//FILE", "./FILE", "A/", "/etc/passwd", "A\0B"]
)
def test_no_path_leads_out_of_the_directory(volume: DirectoryVolume, tmp_path: Path, path: str) -> None:
    (tmp_path / "A").mkdir()
    with pytest.raises(Misuse):
        volume.read_object(path, 1)
    with pytest.raises(Misuse):
        volume.begin(path, 1)
    assert [found.name for found in tmp_path.rglob("*")] == ["A"]


@pytest.mark.parametrize("path", ["NO", "NO/FILE.BIN"])
def test_what_is_not_there_is_truncated(volume: DirectoryVolume, path: str) -> None:
    with pytest.raises(Refusal) as refused:
        volume.read_object(path, 1)
    assert refused.value.code is Code.TRUNCATED
    assert volume.list(path) == ()


def test_an_object_above_its_limit_is_not_read(volume: DirectoryVolume) -> None:
    _write(volume, "FILE.BIN", bytes(11))
    with pytest.raises(Refusal) as refused:
        volume.read_object("FILE.BIN", 10)
    assert refused.value.code is Code.TOO_LARGE


def test_a_run_outside_a_file_is_truncated_or_misuse(volume: DirectoryVolume) -> None:
    _write(volume, "FILE.BIN", bytes(11))
    with pytest.raises(Refusal) as refused:
        volume.read_run("FILE.BIN", 5, 7)
    assert refused.value.code is Code.TRUNCATED
    with pytest.raises(Misuse):
        volume.read_run("FILE.BIN", -1, 1)


def test_links_are_neither_listed_nor_followed(volume: DirectoryVolume, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "KEY").write_bytes(b"secret")
    root = tmp_path / "stick"
    root.mkdir()
    (root / "LINK").symlink_to(secret / "KEY")
    (root / "FOLDER").symlink_to(secret)
    stick = DirectoryVolume(root)
    assert stick.list("") == ()
    assert stick.list("FOLDER") == ()
    for path in ("LINK", "FOLDER/KEY"):
        with pytest.raises(Refusal) as refused:
            stick.read_object(path, 100)
        assert refused.value.code in (Code.TRUNCATED, Code.MEDIUM_UNREADABLE)
    with pytest.raises(Refusal, match="a link stands where a folder should"):
        stick.begin("FOLDER/NEW", 1)
    stick.close()
    assert [path.name for path in secret.iterdir()] == ["KEY"]


def test_a_link_is_deleted_and_not_what_it_leads_to(volume: DirectoryVolume, tmp_path: Path) -> None:
    (tmp_path / "KEPT").write_bytes(b"kept")
    (tmp_path / "LINK").symlink_to(tmp_path / "KEPT")
    volume.delete("LINK")
    assert [path.name for path in tmp_path.iterdir()] == ["KEPT"]


def test_pipes_and_sockets_are_neither_listed_nor_read(
    volume: DirectoryVolume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "PIPE")
    monkeypatch.chdir(tmp_path)  # The name of a socket is short.
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("SOCKET")
        assert volume.list("") == ()
        for name in ("PIPE", "SOCKET"):
            with pytest.raises(Refusal) as refused:
                volume.read_object(name, 1)
            assert refused.value.code in (Code.MEDIUM_UNREADABLE, Code.MEDIUM_PULLED)


def test_a_hostile_name_is_listed_without_what_could_move_a_cursor(
    volume: DirectoryVolume, tmp_path: Path
) -> None:
    for name in (b"bad\x1b[2J", b"\xff\xfe", "right\u202eleft".encode()):
        (tmp_path / os.fsdecode(name)).write_bytes(b"")
    assert all(entry.name.isprintable() for entry in volume.list(""))


@pytest.mark.serial
def test_too_many_names_are_refused(tmp_path: Path) -> None:
    with _small_disk(tmp_path):
        (tmp_path / "FIRST").touch()
        for number in range(65536):
            os.link(tmp_path / "FIRST", tmp_path / str(number))
        volume = DirectoryVolume(tmp_path)
        with pytest.raises(Refusal, match="more than 65536 names") as refused:
            volume.list("")
        volume.close()
    assert refused.value.code is Code.MEDIUM_UNREADABLE


def test_a_folder_is_deleted_only_when_empty(volume: DirectoryVolume, tmp_path: Path) -> None:
    _write(volume, "A/FILE.BIN", b"x")
    with pytest.raises(Misuse, match="not empty"):
        volume.delete("A")
    volume.delete("A/FILE.BIN")
    volume.delete("A")
    volume.settle()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(Misuse, match="no such file"):
        volume.delete("A")


def test_a_file_in_the_way_of_a_folder_is_refused(volume: DirectoryVolume) -> None:
    _write(volume, "A", b"file")
    with pytest.raises(Refusal) as refused:
        volume.begin("A/FILE.BIN", 1)
    assert refused.value.code is Code.MEDIUM_UNREADABLE


def test_a_directory_opened_for_reading_refuses_to_be_changed(tmp_path: Path) -> None:
    (tmp_path / "FILE.BIN").write_bytes(b"x")
    volume = DirectoryVolume(tmp_path, writable=False)
    with pytest.raises(Refusal) as begun:
        volume.begin("NEW.BIN", 1)
    with pytest.raises(Refusal) as deleted:
        volume.delete("FILE.BIN")
    assert begun.value.code is deleted.value.code is Code.MEDIUM_WRITE_PROTECTED
    assert [path.name for path in tmp_path.iterdir()] == ["FILE.BIN"]
    volume.close()


def test_a_folder_that_vanished_before_the_commit_is_pulled(volume: DirectoryVolume, tmp_path: Path) -> None:
    ticket = volume.begin("A/FILE.BIN", 0)
    for path in (tmp_path / "A").iterdir():
        path.unlink()
    (tmp_path / "A").rmdir()
    with pytest.raises(Refusal) as refused:
        volume.commit(ticket)
    assert refused.value.code is Code.MEDIUM_PULLED
    volume.discard(ticket)


def test_there_is_no_volume_where_there_is_no_directory(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refused:
        DirectoryVolume(tmp_path / "NO")
    assert refused.value.code is Code.MEDIUM_UNREADABLE


@pytest.mark.serial
def test_a_folder_that_something_is_mounted_on_is_busy(tmp_path: Path) -> None:
    (tmp_path / "A").mkdir()
    volume = DirectoryVolume(tmp_path)
    with _small_disk(tmp_path / "A"), pytest.raises(Refusal) as refused:
        volume.delete("A")
    volume.close()
    assert refused.value.code is Code.MEDIUM_BUSY


@pytest.mark.serial
def test_a_full_disk_is_named_before_and_while_it_is_written(tmp_path: Path) -> None:
    with _small_disk(tmp_path):
        volume = DirectoryVolume(tmp_path)
        with pytest.raises(Refusal) as before:
            volume.begin("BIG.BIN", 2 * MIB)
        ticket = volume.begin("FILE.BIN", MIB - 8192)
        (tmp_path / "stranger").write_bytes(bytes(MIB // 2))
        with pytest.raises(Refusal) as during:
            volume.append(ticket, bytes(MIB - 8192))
        volume.close()
    assert before.value.code is during.value.code is Code.MEDIUM_FULL


@pytest.mark.serial
def test_a_disk_mounted_for_reading_is_write_protected(tmp_path: Path) -> None:
    with _small_disk(tmp_path):
        must("mount", "-o", "remount,ro", tmp_path)
        volume = DirectoryVolume(tmp_path)
        for path in ("FILE.BIN", "A/FILE.BIN"):
            with pytest.raises(Refusal) as refused:
                volume.begin(path, 1)
            assert refused.value.code is Code.MEDIUM_WRITE_PROTECTED
        volume.close()
