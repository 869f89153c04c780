"""Names in folders: short and long, in upper case and lower, in the code page of old DOS."""

from __future__ import annotations

import pytest

from media_format.refusal import Refusal
from media_format.volume import codecs
from media_format.volume.fat import FatVolume
from tests.volume import images
from tests.volume.images import KIB, Shape
from tests.volume.memory import Memory
from tests.volume.surgery import Surgeon, long_name_entries

_FILE = bytes([0x20]) + bytes(20)


def _root(*entries: bytes) -> Memory:
    """A volume with these entries after its label."""
    medium = images.medium(Shape(12, 256 * KIB))
    medium.write(Surgeon(medium).root + 32, b"".join(entries))
    return medium


def _names(medium: Memory) -> list[str]:
    return [entry.name for entry in FatVolume(medium).list("")]


@pytest.mark.parametrize(
    ("raw", "case", "name"),
    [
        (b"NAME    EXT", 0x00, "NAME.EXT"),
        (b"NAME    EXT", 0x08, "name.EXT"),
        (b"NAME    EXT", 0x10, "NAME.ext"),
        (b"NAME    EXT", 0x18, "name.ext"),
        (b"NAME       ", 0x00, "NAME"),
        (b"\x05TA       ", 0x00, "\u03c3TA"),
        (b"\x8aTE       ", 0x00, "\u00e8TE"),
    ],
)
def test_a_short_name_is_read_as_it_is_meant_and_found_by_it(raw: bytes, case: int, name: str) -> None:
    medium = _root(raw + bytes([0x20, case]) + bytes(19))
    assert _names(medium) == [name]
    assert FatVolume(medium).read_object(name, 1) == b""


@pytest.mark.parametrize("name", ["NAME.EXT", "N", "\u03a3TA", "A_B-C.1"])
def test_the_bytes_of_a_short_name_lead_back_to_it(name: str) -> None:
    raw = codecs.find_short_name(name)
    assert raw is not None
    assert codecs.short_name(raw) == name


@pytest.mark.parametrize("name", ["NINELETTR", "NAME.LONG", "\u65e5\u672c"])
def test_a_name_that_no_short_one_can_hold_has_no_bytes(name: str) -> None:
    assert codecs.find_short_name(name) is None


def test_a_short_name_in_lower_case_that_no_system_writes_is_found() -> None:
    assert FatVolume(_root(b"name    ext" + _FILE)).read_object("name.ext", 1) == b""


def test_a_label_of_the_same_name_is_no_file() -> None:
    medium = _root(b"STICK      " + _FILE)
    assert _names(medium) == ["STICK"]
    assert FatVolume(medium).read_object("STICK", 1) == b""


def test_a_label_is_no_file() -> None:
    with pytest.raises(Refusal):
        FatVolume(_root()).read_object("STICK", 1)


def test_a_name_that_stands_across_two_entries_is_none() -> None:
    across = b"X" * 11 + bytes([0x20]) + bytes(9) + b"NAME    EXT"
    assert len(across) == 32
    with pytest.raises(Refusal):
        FatVolume(_root(across)).read_object("NAME.EXT", 1)


def test_a_file_is_found_by_its_long_name_and_by_its_short_one() -> None:
    volume = FatVolume(_root(long_name_entries("Long Name of a File.txt", b"LONGNA~1TXT")))
    for name in ("Long Name of a File.txt", "LONG NAME OF A FILE.TXT", "longna~1.txt"):
        assert volume.read_object(name, 1) == b""


def test_deleting_a_file_with_a_long_name_takes_all_of_its_entries() -> None:
    medium = _root(long_name_entries("Long Name of a File.txt", b"LONGNA~1TXT"))
    volume = FatVolume(medium)
    volume.delete("longna~1.txt")
    volume.close()
    assert _names(medium) == []
    root = Surgeon(medium).root
    assert medium.read(root + 32, 96)[::32] == b"\xe5\xe5\xe5"


def test_a_root_without_a_label_and_without_an_end_has_no_label() -> None:
    medium = images.medium(Shape(12, 256 * KIB))
    it = Surgeon(medium)
    medium.write(43, b"NO NAME    ")
    medium.write(it.root, (b"\xe5" + bytes(31)) * (it.geometry.root_size // 32))
    assert FatVolume(medium).info().label == ""
