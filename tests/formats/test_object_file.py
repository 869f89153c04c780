"""A small file is written whole, or not at all, and never over another."""

from __future__ import annotations

from pathlib import Path

import pytest

from media_format import layout
from media_format.errors import Misuse
from media_format.object_file import write_object
from media_format.refusal import Code, Refusal
from media_format.volume.directory import DirectoryVolume

PATH = f"{layout.TRUST}/A.CRL"


class Full(DirectoryVolume):
    """A medium that fills up while it is written to."""

    def append(self, ticket: int, data: bytes | bytearray | memoryview) -> None:
        raise Refusal(Code.MEDIUM_FULL, "as the test wants it")


class FullAndPulled(Full):
    """And is pulled before it can be tidied."""

    def discard(self, ticket: int) -> None:
        super().discard(ticket)
        raise Refusal(Code.MEDIUM_PULLED, "as the test wants it")


def test_a_file_that_could_not_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(Refusal):
        write_object(Full(tmp_path), PATH, b"list")
    assert list((tmp_path / layout.TRUST).iterdir()) == []


def test_why_a_file_was_not_written_is_said_though_tidying_fails_too(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as caught:
        write_object(FullAndPulled(tmp_path), PATH, b"list")
    assert caught.value.code is Code.MEDIUM_FULL


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / layout.TRUST).mkdir(parents=True)
    (tmp_path / PATH).write_bytes(b"old")
    with pytest.raises(Misuse):
        write_object(DirectoryVolume(tmp_path), PATH, b"new")
    assert (tmp_path / PATH).read_bytes() == b"old"
