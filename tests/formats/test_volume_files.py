"""The seam's promises about files on a FAT volume: written once, whole, in their room, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from media_format.errors import Misuse
from media_format.refusal import Code, Refusal
from media_format.volume import open_volume
from media_format.volume.fat import MAX_FILE, FatVolume
from media_format.volume.geometry import read_geometry
from media_format.volume.seam import Entry, ReadBack
from media_format.volume.table import Table
from tests.volume import checker, delivery, images
from tests.volume.images import KIB, MIB, Shape
from tests.volume.memory import Memory
from tests.volume.surgery import Surgeon

small = pytest.mark.parametrize("shape", images.SMALL, ids=str)


@pytest.fixture
def medium() -> Memory:
    return images.medium(Shape(12, 256 * KIB))


@pytest.fixture
def volume(medium: Memory) -> FatVolume:
    return FatVolume(medium)


@small
def test_a_volume_tells_its_kind_label_and_room(shape: Shape) -> None:
    info = FatVolume(images.medium(shape)).info()
    assert (info.kind, info.label, info.cluster) == (f"fat{shape.bits}", "STICK", 512)
    assert 0 < info.free <= info.capacity < shape.size


def test_a_volume_without_a_label_in_its_root_tells_the_boot_sector_s(medium: Memory) -> None:
    root = medium.read(0, 65536).index(b"STICK      \x08")
    medium.write(root, b"\xe5")
    medium.write(43, b"FROM BOOT  ")
    assert FatVolume(medium).info().label == "FROM BOOT"


def test_nothing_is_listed_of_a_folder_that_is_not_there(volume: FatVolume) -> None:
    delivery.write(volume, "FILE.BIN", b"x")
    assert volume.list("NO/SUCH") == volume.list("FILE.BIN") == ()


def test_a_file_is_there_once_it_is_committed_and_not_before(volume: FatVolume) -> None:
    ticket = volume.begin("A/FILE.BIN", 3)
    volume.append(ticket, b"abc")
    assert volume.list("A") == ()
    volume.commit(ticket)
    assert volume.list("A") == (Entry("FILE.BIN", 3, False),)


def test_names_are_found_whatever_their_case(volume: FatVolume) -> None:
    delivery.write(volume, "A/FILE.BIN", b"abc")
    assert volume.read_object("a/file.Bin", 3) == b"abc"


def test_an_object_above_its_limit_is_not_read(volume: FatVolume) -> None:
    delivery.write(volume, "FILE.BIN", bytes(1001))
    with pytest.raises(Refusal) as refused:
        volume.read_object("FILE.BIN", 1000)
    assert refused.value.code is Code.TOO_LARGE


@pytest.mark.parametrize("path", ["FILE.BIN", "NO/FILE.BIN", "A"])
def test_what_is_not_there_or_no_file_is_truncated(volume: FatVolume, path: str) -> None:
    delivery.write(volume, "A/OTHER.BIN", b"x")
    with pytest.raises(Refusal) as refused:
        volume.read_object(path, 1000)
    assert refused.value.code is Code.TRUNCATED


@pytest.mark.parametrize("place", [(1000, 1), (0, 1001), (999, 2)])
def test_a_run_behind_the_end_of_a_file_is_truncated(volume: FatVolume, place: tuple[int, int]) -> None:
    delivery.write(volume, "FILE.BIN", bytes(1000))
    with pytest.raises(Refusal) as refused:
        volume.read_run("FILE.BIN", *place)
    assert refused.value.code is Code.TRUNCATED


@pytest.mark.parametrize("place", [(-1, 1), (0, -1)])
def test_a_run_before_the_start_of_a_file_is_misuse(volume: FatVolume, place: tuple[int, int]) -> None:
    delivery.write(volume, "FILE.BIN", bytes(1000))
    with pytest.raises(Misuse):
        volume.read_run("FILE.BIN", *place)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "lower.bin",
        "TOOLONGNAME",
        "A.LONG",
        "A..B",
        "A/",
        "/A",
        "../A",
        "A B",
        "\u00c4",
        "NUL\0",
        ".HID",
        "X.",
    ],
)
def test_only_upper_case_8_3_names_are_written(medium: Memory, volume: FatVolume, path: str) -> None:
    before = dict(medium.pages)
    with pytest.raises(Misuse):
        volume.begin(path, 1)
    assert medium.pages == before


@pytest.mark.parametrize("size", [-1, MAX_FILE + 1])
def test_a_size_that_fat_has_no_room_for_is_misuse(volume: FatVolume, size: int) -> None:
    with pytest.raises(Misuse):
        volume.begin("FILE.BIN", size)


def test_a_file_is_never_overwritten(volume: FatVolume) -> None:
    delivery.write(volume, "FILE.BIN", b"first")
    with pytest.raises(Misuse, match="never overwritten"):
        volume.begin("FILE.BIN", 1)
    assert volume.read_object("FILE.BIN", 10) == b"first"


def test_two_files_are_not_begun_under_one_name(volume: FatVolume) -> None:
    volume.begin("FILE.BIN", 1)
    with pytest.raises(Misuse, match="never overwritten"):
        volume.begin("FILE.BIN", 1)


def test_a_file_in_the_way_of_a_folder_is_refused(volume: FatVolume) -> None:
    delivery.write(volume, "A", b"file")
    with pytest.raises(Refusal, match="a folder is needed") as refused:
        volume.begin("A/FILE.BIN", 1)
    assert refused.value.code is Code.MEDIUM_UNREADABLE


def test_more_bytes_than_announced_are_misuse(volume: FatVolume) -> None:
    ticket = volume.begin("FILE.BIN", 3)
    volume.append(ticket, b"ab")
    with pytest.raises(Misuse, match="more bytes"):
        volume.append(ticket, b"cd")


def test_a_file_that_lacks_bytes_is_not_committed(volume: FatVolume) -> None:
    ticket = volume.begin("FILE.BIN", 3)
    volume.append(ticket, b"ab")
    with pytest.raises(Misuse, match="2 of 3"):
        volume.commit(ticket)
    assert volume.list("") == ()


def test_an_unknown_ticket_is_misuse_but_may_be_discarded(volume: FatVolume) -> None:
    with pytest.raises(Misuse):
        volume.append(7, b"x")
    with pytest.raises(Misuse):
        volume.commit(7)
    volume.discard(7)


def test_a_discarded_file_gives_its_room_back(volume: FatVolume) -> None:
    before = volume.info().free
    ticket = volume.begin("FILE.BIN", 50_000)
    assert volume.info().free == before - 98 * 512
    volume.discard(ticket)
    assert volume.info().free == before


def test_a_file_that_does_not_fit_is_refused_before_anything_is_written(medium: Memory) -> None:
    volume = FatVolume(medium)
    before = dict(medium.pages)
    with pytest.raises(Refusal) as refused:
        volume.begin("A/FILE.BIN", volume.info().free)
    assert refused.value.code is Code.MEDIUM_FULL
    assert medium.pages == before


def test_room_that_was_promised_to_one_file_is_not_given_to_another(volume: FatVolume) -> None:
    free = volume.info().free
    volume.begin("ONE.BIN", free // 2)
    with pytest.raises(Refusal) as refused:
        volume.begin("TWO.BIN", free // 2 + 512)
    assert refused.value.code is Code.MEDIUM_FULL


def test_the_last_place_in_a_root_folder_is_promised_once(volume: FatVolume) -> None:
    begun: list[int] = []
    with pytest.raises(Refusal, match="no room for another name") as refused:
        while True:
            begun.append(volume.begin(f"F{len(begun)}", 0))
    assert refused.value.code is Code.MEDIUM_FULL
    with pytest.raises(Refusal, match="no room for another name"):
        volume.begin("FOLDER/FILE", 0)
    for ticket in begun:
        volume.commit(ticket)
    assert len(volume.list("")) == len(begun)


def test_a_folder_takes_no_more_names_than_fat_allows() -> None:
    medium = images.medium(Shape(32, 36 * MIB))
    volume = FatVolume(medium)
    delivery.write(volume, "FULL/FILE", b"x")
    folder = next(entry for entry in volume._tree.root().entries() if entry.name == "FULL")
    table, extents = volume._books.table, volume._books.table.reserve(4095)
    table.link(extents)
    table.hang(extents[0].first, folder.cluster)
    names = b"".join(b"%08dTXT\x20" % number + bytes(20) for number in range(4095 * 16))
    medium.write(volume._geometry.cluster_offset(extents[0].first), names)
    own = volume._geometry.cluster_offset(folder.cluster)
    medium.write(own + 64, names[: 14 * 32])
    with pytest.raises(Refusal, match="as many names as FAT allows") as refused:
        volume.begin("FULL/NEW", 0)
    assert refused.value.code is Code.MEDIUM_FULL


def test_what_lies_behind_the_end_of_a_folder_does_not_come_to_light(medium: Memory) -> None:
    volume = FatVolume(medium)
    delivery.write(volume, "A/ONE", b"1")
    cluster = next(entry.cluster for entry in volume._tree.root().entries() if entry.name == "A")
    at = volume._geometry.cluster_offset(cluster) + 3 * 32
    medium.write(at, b"\0" + b"\1" * 31)
    medium.write(at + 32, b"GHOST   TXT\x20".ljust(32, b"\1"))
    delivery.write(volume, "A/TWO", b"2")
    assert [entry.name for entry in volume.list("A")] == ["ONE", "TWO"]


def test_a_deleted_file_is_gone_and_its_room_is_free(volume: FatVolume) -> None:
    before = volume.info().free
    delivery.write(volume, "FILE.BIN", bytes(5000))
    volume.delete("FILE.BIN")
    assert volume.list("") == ()
    assert volume.info().free == before


def test_a_file_with_more_clusters_than_it_needs_is_deleted_with_all_of_them(medium: Memory) -> None:
    volume = FatVolume(medium)
    before = volume.info().free
    delivery.write(volume, "FILE.BIN", bytes(5000))
    volume.close()
    at = medium.read(0, 65536).index(b"FILE    BIN")
    medium.write(at + 28, bytes(4))
    volume = FatVolume(medium)
    volume.delete("FILE.BIN")
    volume.close()
    assert volume.info().free == before
    assert checker.check(medium).sound


@pytest.mark.parametrize("path", ["", "FILE.BIN", "A/FILE.BIN"])
def test_what_is_not_there_is_not_deleted(volume: FatVolume, path: str) -> None:
    with pytest.raises(Misuse, match="no such file"):
        volume.delete(path)


def test_a_folder_is_deleted_only_when_empty(volume: FatVolume) -> None:
    delivery.write(volume, "A/B/FILE.BIN", b"x")
    for path in ("A", "A/B"):
        with pytest.raises(Misuse, match="not empty"):
            volume.delete(path)
    for path in ("A/B/FILE.BIN", "A/B", "A"):
        volume.delete(path)
    assert volume.list("") == ()


def test_a_folder_in_which_a_file_was_begun_is_not_deleted(volume: FatVolume) -> None:
    ticket = volume.begin("A/FILE.BIN", 1)
    with pytest.raises(Misuse, match="not empty"):
        volume.delete("A")
    volume.append(ticket, b"x")
    volume.commit(ticket)
    assert volume.read_object("A/FILE.BIN", 1) == b"x"


def test_a_file_that_was_read_and_deleted_is_not_read_any_more(volume: FatVolume) -> None:
    delivery.write(volume, "FILE.BIN", b"old!")
    assert volume.read_run("FILE.BIN", 0, 4) == b"old!"
    volume.delete("FILE.BIN")
    delivery.write(volume, "FILE.BIN", b"new")
    assert volume.read_run("FILE.BIN", 0, 3) == b"new"


def test_a_fragmented_volume_is_filled_to_the_last_cluster(medium: Memory) -> None:
    volume = FatVolume(medium)
    for number in range(30):
        delivery.write(volume, f"F{number}", bytes(2000))
    for number in range(0, 30, 2):
        volume.delete(f"F{number}")
    data = os.urandom(volume.info().free)
    delivery.write(volume, "ALL.BIN", data)
    assert volume.info().free == 0
    assert volume.read_object("ALL.BIN", len(data)) == data
    with pytest.raises(Refusal) as refused:
        volume.begin("MORE.BIN", 1)
    assert refused.value.code is Code.MEDIUM_FULL


@pytest.mark.parametrize("piece", [1, 700 * KIB, 3 * MIB, 4 * MIB, 5 * MIB])
def test_a_file_is_the_same_whatever_pieces_it_is_appended_in(piece: int) -> None:
    volume = FatVolume(images.medium(Shape(32, 36 * MIB)))
    data = os.urandom(40 * piece if piece == 1 else 11 * MIB + 5)
    ticket = volume.begin("FILE.BIN", len(data))
    for start in range(0, len(data), piece):
        volume.append(ticket, data[start : start + piece])
    volume.commit(ticket)
    assert volume.read_object("FILE.BIN", len(data)) == data


def test_a_run_is_read_across_fragments(medium: Memory) -> None:
    volume = FatVolume(medium)
    for number in range(10):
        delivery.write(volume, f"F{number}", bytes(2000))
    for number in range(0, 10, 2):
        volume.delete(f"F{number}")
    data = os.urandom(volume.info().free)
    delivery.write(volume, "FILE.BIN", data)
    assert volume.read_run("FILE.BIN", 50, len(data) - 100) == data[50:-50]


def test_more_clusters_than_there_are_cannot_be_reserved(medium: Memory) -> None:
    table = Table(medium, read_geometry(medium))
    with pytest.raises(Refusal) as refused:
        table.reserve(table.free + 1)
    assert refused.value.code is Code.MEDIUM_FULL


@small
def test_a_volume_is_marked_dirty_while_it_is_written_and_clean_when_settled(shape: Shape) -> None:
    medium = images.medium(shape)
    volume = FatVolume(medium)
    ticket = volume.begin("FILE.BIN", 1)
    assert "not marked clean" in checker.check(medium).untidy
    volume.append(ticket, b"x")
    volume.commit(ticket)
    assert volume.settle() is ReadBack.DIRECT
    assert checker.check(medium).sound


def test_closing_discards_what_was_begun_and_may_be_repeated(medium: Memory) -> None:
    volume = FatVolume(medium)
    volume.append(volume.begin("FILE.BIN", 3), b"abc")
    volume.close()
    volume.close()
    assert checker.check(medium).sound
    assert FatVolume(medium).list("") == ()


def test_a_volume_that_is_only_read_is_not_changed(medium: Memory) -> None:
    before = dict(medium.pages)
    volume = FatVolume(medium)
    volume.info()
    volume.list("")
    volume.settle()
    volume.close()
    assert medium.pages == before


def test_an_image_opened_for_reading_refuses_to_be_written(medium: Memory, tmp_path: Path) -> None:
    path = medium.save(tmp_path / "medium.img")
    volume = open_volume(path, writable=False)
    for path_on_medium in ("FILE.BIN", "A/FILE.BIN"):
        with pytest.raises(Refusal) as refused:
            volume.begin(path_on_medium, 1)
        assert refused.value.code is Code.MEDIUM_WRITE_PROTECTED
    volume.close()
    assert Memory.load(path).pages == medium.pages


def test_bad_clusters_are_neither_given_out_nor_reclaimed(medium: Memory) -> None:
    it = Surgeon(medium)
    for number in (2, 3, 100):
        it.link(number, it.geometry.mask - 8)
    it.dirty()
    volume = FatVolume(medium)
    before = volume.info().free
    delivery.write(volume, "FILE.BIN", bytes(before))
    volume.close()
    assert checker.check(medium).sound
    assert images.fsck(medium, Shape(12, 256 * KIB)) == ""
