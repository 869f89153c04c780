"""Hostile file systems end in a refusal or a read, in bounded time: names, sizes, counts, random damage."""

from __future__ import annotations

import struct
import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_format.errors import Misuse
from media_format.refusal import Code, Refusal
from media_format.volume.fat import FatVolume
from media_format.volume.partition import find_volume
from tests.volume import checker, delivery, images
from tests.volume.hostile import NAME, SECONDS, answer_of, small
from tests.volume.images import Shape
from tests.volume.memory import Memory
from tests.volume.surgery import CONTENT, REQUEST, Surgeon, long_name_entries, patient


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "..\\..\\boot.ini",
        "a/b",
        "nul\x01\x1b[2J",
        "invoice\u202efdp.exe",
        "\u2066hidden\u2069",
        "line\nbreak",
        "q" * 255,
        "\ud800 half a pair",
        "star*ques?tion",
    ],
)
def test_a_hostile_long_name_is_listed_without_what_makes_it_hostile(name: str) -> None:
    medium = images.medium(images.SMALL[0])
    it = Surgeon(medium)
    medium.write(it.root + 32, long_name_entries(name, b"INNOCENTTXT"))
    (entry,) = FatVolume(medium).list("")
    assert entry.name.isprintable()
    assert not set(entry.name) & set('/\\:*?"<>|')


def test_what_a_hostile_name_is_listed_as_can_be_asked_for() -> None:
    medium = images.medium(images.SMALL[0])
    medium.write(Surgeon(medium).root + 32, long_name_entries("a/b\n", b"INNOCENTTXT"))
    volume = FatVolume(medium)
    (entry,) = volume.list("")
    assert volume.read_object(entry.name, 10) == b""


@pytest.mark.parametrize("damage", ["checksum", "order", "missing", "too many"])
def test_where_a_long_name_is_damaged_the_short_one_stands_for_it(damage: str) -> None:
    entries = bytearray(long_name_entries("A rather long name.txt", b"INNOCENTTXT"))
    if damage == "checksum":
        entries[13] ^= 1
    elif damage == "order":
        entries[32] = 5
    elif damage == "missing":
        del entries[32:64]
    else:
        entries[:32] = long_name_entries("x" * 300, b"INNOCENTTXT")[:-64]
    medium = images.medium(images.SMALL[0])
    medium.write(Surgeon(medium).root + 32, bytes(entries))
    assert [entry.name for entry in FatVolume(medium).list("")] == ["INNOCENT.TXT"]


def _crowded(count: int) -> Memory:
    """A FAT16 volume with a folder of so many names."""
    medium = images.medium(Shape(16, 12 * images.MIB))
    it = Surgeon(medium)
    cluster, per = it.geometry.cluster, it.geometry.cluster // 32
    volume = FatVolume(medium)
    clusters = -(-count // per)
    delivery.write(volume, "CROWD", bytes(clusters * cluster))
    volume.close()
    names = b"".join(b"%08dTXT\x20" % number + bytes(20) for number in range(count))
    medium.write(
        it.geometry.cluster_offset(it.cluster(b"CROWD      ")), names.ljust(clusters * cluster, b"\0")
    )
    it.mark(b"CROWD      ", 0x10)
    return medium


def test_a_folder_of_65000_names_is_listed_in_a_time_that_grows_with_their_number() -> None:
    took = []
    for names in (6500, 65000):
        volume = FatVolume(_crowded(names))
        began = time.process_time()
        entries = volume.list("CROWD")
        took.append(time.process_time() - began)
        assert len(entries) == names
    # Ten times as many; what looks at each name for each name would take a hundred times as long.
    assert took[1] < 30 * took[0]
    assert volume.read_object("CROWD/00064999.TXT", 1) == b""


def test_a_folder_with_more_names_than_fat_allows_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        FatVolume(_crowded(66000)).list("CROWD")
    assert refused.value.code is Code.MEDIUM_UNREADABLE


def test_a_dirty_volume_with_a_folder_of_too_many_names_is_written_to_all_the_same() -> None:
    medium = _crowded(66000)
    Surgeon(medium).dirty()
    volume = FatVolume(medium)
    delivery.write(volume, "NEW.BIN", b"n")
    volume.close()
    assert FatVolume(medium).read_object("NEW.BIN", 1) == b"n"


def test_a_file_larger_than_its_volume_is_refused() -> None:
    medium = patient(images.SMALL[1])
    Surgeon(medium).resize(NAME, 0xFFFFFFFF)
    with pytest.raises(Refusal) as refused:
        FatVolume(medium).read_run(REQUEST, 0, 10)
    assert refused.value.code is Code.MEDIUM_UNREADABLE


def test_a_volume_of_one_cluster_too_few_is_refused() -> None:
    medium = patient(images.SMALL[0])
    Surgeon(medium).boot(13, "B", 128)
    Surgeon(medium.copy())
    medium.write(19, (60).to_bytes(2, "little"))
    assert answer_of(medium) is Code.MEDIUM_UNREADABLE


def test_clusters_of_more_than_any_system_reads_are_refused() -> None:
    medium = patient(Shape(16, 20 * images.MIB, sector=4096))
    Surgeon(medium).boot(13, "B", 255 & 0x80)
    Surgeon(medium)
    medium.write(11, (8192).to_bytes(2, "little"))
    assert answer_of(medium) is Code.MEDIUM_UNREADABLE


def test_more_clusters_than_fat16_has_are_refused() -> None:
    medium = patient(Shape(16, 40 * images.MIB, cluster=2))
    it = Surgeon(medium)
    it.boot(13, "B", 1)
    it.boot(22, "H", 300)
    assert answer_of(medium) is Code.MEDIUM_UNREADABLE


def test_sidecar_files_are_listed_and_harm_nothing() -> None:
    medium = patient(images.SMALL[1])
    it = Surgeon(medium)
    sidecars = ["._1A2B3C4D.REQ", ".DS_Store", "Thumbs.db", "desktop.ini"]
    entries = b"".join(long_name_entries(name, b"SIDE~%d  TXT" % at) for at, name in enumerate(sidecars))
    medium.write(it.place(NAME) + 32, entries)
    volume = FatVolume(medium)
    names = [entry.name for entry in volume.list("UPDATEBX/REQUESTS")]
    assert names == ["1A2B3C4D.REQ", *sidecars]
    assert volume.read_object(REQUEST, 10_000) == CONTENT


@pytest.mark.parametrize("told", [0, 7, 0x7FFFFFFF, 0xFFFFFFFE])
def test_a_free_space_sector_that_lies_is_not_believed_and_set_right(told: int) -> None:
    medium = patient(images.SMALL[2])
    it = Surgeon(medium)
    assert it.geometry.info_offset is not None
    medium.write(it.geometry.info_offset + 488, struct.pack("<LL", told, told))
    volume = FatVolume(medium)
    delivery.write(volume, "NEW.BIN", b"n" * 3000)
    volume.close()
    assert checker.check(medium).sound


def test_a_free_space_sector_that_is_none_is_left_alone() -> None:
    medium = patient(images.SMALL[2])
    it = Surgeon(medium)
    assert it.geometry.info_offset is not None
    medium.write(it.geometry.info_offset, b"something else".ljust(512))
    volume = FatVolume(medium)
    delivery.write(volume, "NEW.BIN", b"n" * 3000)
    volume.close()
    assert medium.read(it.geometry.info_offset, 14) == b"something else"


@small
@settings(max_examples=150)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_random_damage_ends_in_a_refusal_or_a_read(shape: Shape, seed: int, count: int) -> None:
    medium = patient(shape)
    it, random = Surgeon(medium), Random(seed)
    ends = (512, it.geometry.table_offset + 64, it.geometry.data_offset + 8 * it.geometry.cluster)
    end = random.choice(ends)
    for _ in range(count):
        medium.write(
            random.randrange(end), bytes([random.choice((0, 1, 2, 0x10, 0xFF, random.randrange(256)))])
        )
    answer = answer_of(medium.copy())
    assert isinstance(answer, bytes) or answer in (Code.MEDIUM_UNREADABLE, Code.TRUNCATED, Code.TOO_LARGE)
    began = time.process_time()
    try:
        volume = FatVolume(find_volume(medium))
        delivery.write(volume, "UPDATEBX/NEW.BIN", b"n" * 3000)
        volume.delete(REQUEST)
        volume.settle()
        volume.close()
    except (Refusal, Misuse):
        pass
    assert time.process_time() - began < SECONDS
