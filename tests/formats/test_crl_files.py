"""Revocation lists on a medium: what is read, what is passed over, what is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from media_format import layout, limits
from media_format.crl_files import read_crls, write_crls
from media_format.refusal import Code, Refusal
from media_format.volume.directory import DirectoryVolume

TRUST = Path(layout.TRUST)


def put(root: Path, **files: bytes) -> None:
    (root / TRUST).mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (root / TRUST / f"{name}.CRL").write_bytes(data)


def test_a_medium_without_lists_has_none(tmp_path: Path) -> None:
    assert read_crls(DirectoryVolume(tmp_path)) == ()


def test_lists_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    put(tmp_path, B=b"second", A=b"first")
    assert read_crls(DirectoryVolume(tmp_path)) == (b"first", b"second")


def test_other_files_and_folders_beside_the_lists_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path, A=b"list", **{"._A": b"sidecar", "TOOLONGNAME": b"no 8.3 name"})
    (tmp_path / TRUST / "NOTES.TXT").write_bytes(b"text")
    (tmp_path / TRUST / "FOLDER.CRL").mkdir()
    assert read_crls(DirectoryVolume(tmp_path)) == (b"list",)


def test_a_list_is_read_under_the_name_that_the_system_shows(tmp_path: Path) -> None:
    (tmp_path / TRUST).mkdir(parents=True)
    (tmp_path / TRUST / "a.crl").write_bytes(b"list")
    assert read_crls(DirectoryVolume(tmp_path)) == (b"list",)


def test_a_list_beyond_the_limit_does_not_hide_the_others(tmp_path: Path) -> None:
    put(tmp_path, A=bytes(limits.MAX_CRL + 1), B=bytes(limits.MAX_CRL))
    assert [len(crl) for crl in read_crls(DirectoryVolume(tmp_path))] == [limits.MAX_CRL]


def test_no_more_than_32_lists_are_read(tmp_path: Path) -> None:
    put(tmp_path, **{f"{number:08}": b"%d" % number for number in range(40)})
    assert read_crls(DirectoryVolume(tmp_path)) == tuple(b"%d" % number for number in range(32))


class Failing(DirectoryVolume):
    """A medium that answers the reading of a list with one refusal."""

    code = Code.TRUNCATED

    def read_object(self, path: str, limit: int) -> bytes:
        if path.endswith("A.CRL"):
            raise Refusal(self.code, "as the test wants it")
        return super().read_object(path, limit)


def test_a_list_that_is_cut_short_does_not_hide_the_others(tmp_path: Path) -> None:
    put(tmp_path, A=b"cut", B=b"whole")
    assert read_crls(Failing(tmp_path)) == (b"whole",)


def test_a_medium_that_is_pulled_is_no_medium_without_lists(tmp_path: Path) -> None:
    put(tmp_path, A=b"list")
    volume = Failing(tmp_path)
    volume.code = Code.MEDIUM_PULLED
    with pytest.raises(Refusal) as caught:
        read_crls(volume)
    assert caught.value.code is Code.MEDIUM_PULLED


def test_lists_are_written_once_under_names_that_follow_from_them(tmp_path: Path) -> None:
    volume = DirectoryVolume(tmp_path)
    write_crls(volume, (b"one", b"two"))
    write_crls(volume, (b"two", b"three"))
    assert set(read_crls(volume)) == {b"one", b"two", b"three"}
    assert {path.name for path in (tmp_path / TRUST).iterdir()} == {
        f"{layout.stem(crl)}.CRL" for crl in (b"one", b"two", b"three")
    }
