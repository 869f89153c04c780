"""Volumes as large as FAT32 allows: little time, little memory, and not fooled by a FAT made to cost both."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from media_format.refusal import Code, Refusal
from media_format.volume.fat import FatVolume
from tests.volume import checker, delivery, images
from tests.volume.images import MIB
from tests.volume.memory import Memory
from tests.volume.surgery import Surgeon

_SECONDS = 2.0
_MEMORY = 64 * MIB
_STRIDE = 5000
"""Entries from one cluster of the file to the next: more than a page of the FAT holds."""


@pytest.fixture(scope="module")
def sparse(tmp_path_factory: pytest.TempPathFactory) -> Memory:
    """A volume of 64 GiB with 16 million clusters."""
    path = tmp_path_factory.mktemp("large") / "medium.img"
    with path.open("wb") as file:
        file.truncate(64 * 1024 * MIB)
    images.must("mkfs.fat", "-F", "32", "-s", "8", path)
    return Memory.load(path)


@contextmanager
def _bounded() -> Iterator[None]:
    """What is done in here stays within the memory that a courier has."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < _MEMORY
    finally:
        tracemalloc.stop()


def _scattered(sparse: Memory, clusters: int) -> tuple[Memory, Surgeon]:
    """A file whose clusters each lie in another page of the FAT."""
    medium = sparse.copy()
    volume = FatVolume(medium)
    delivery.write(volume, "FILE.BIN", b"x")
    volume.close()
    it = Surgeon(medium)
    first = it.cluster(b"FILE    BIN")
    places = [first + _STRIDE * step for step in range(clusters)]
    for place, following in zip(places, [*places[1:], it.geometry.mask], strict=True):
        it.link(place, following)
    it.resize(b"FILE    BIN", clusters * it.geometry.cluster)
    return medium, it


def test_a_large_volume_opens_at_once_and_its_room_is_counted_in_little_memory(sparse: Memory) -> None:
    began = time.process_time()
    volume = FatVolume(sparse.copy())
    assert time.process_time() - began < 0.1
    with _bounded():
        assert volume.info().free > 63 * 1024 * MIB
    assert time.process_time() - began < _SECONDS


def test_a_file_scattered_over_all_of_the_fat_is_read_in_time(sparse: Memory) -> None:
    medium, it = _scattered(sparse, 3000)
    it.medium.write(it.geometry.cluster_offset(it.cluster(b"FILE    BIN") + 2999 * _STRIDE), b"the end")
    began = time.process_time()
    with _bounded():
        volume = FatVolume(medium)
        assert volume.read_run("FILE.BIN", 2999 * it.geometry.cluster, 7) == b"the end"
    assert time.process_time() - began < _SECONDS


def test_a_file_scattered_over_all_of_the_fat_is_deleted_from_every_copy(sparse: Memory) -> None:
    medium, _ = _scattered(sparse, 1100)
    volume = FatVolume(medium)
    volume.delete("FILE.BIN")
    volume.settle()
    volume.close()
    geometry = Surgeon(medium).geometry
    used = [page for page in medium.pages if geometry.table_offset <= page * 4096 < geometry.root_offset]
    assert len(used) == geometry.tables  # The first page of each copy: its two marks, and the root.
    assert FatVolume(medium).list("") == ()


def test_a_file_in_more_pieces_than_any_medium_makes_is_refused_in_time(sparse: Memory) -> None:
    medium = sparse.copy()
    volume = FatVolume(medium)
    delivery.write(volume, "FILE.BIN", b"x")
    volume.close()
    it = Surgeon(medium)
    first = it.cluster(b"FILE    BIN")
    entries = b"".join((first + 2 * step + 2).to_bytes(4, "little") + bytes(4) for step in range(70_000))
    for copy in range(it.geometry.tables):
        medium.write(it.geometry.table_offset + copy * it.geometry.table_size + first * 4, entries)
    it.resize(b"FILE    BIN", 70_000 * it.geometry.cluster)
    began = time.process_time()
    with pytest.raises(Refusal) as refused:
        FatVolume(medium).read_run("FILE.BIN", 0, 1)
    assert time.process_time() - began < _SECONDS
    assert refused.value.code is Code.MEDIUM_UNREADABLE


def test_free_room_in_too_many_pieces_is_called_full() -> None:
    medium = images.medium(images.Shape(32, 90 * MIB))
    it = Surgeon(medium)
    taken = (b"\xf7\xff\xff\x0f" + bytes(4)) * (it.geometry.clusters // 2 - 2)
    for copy in range(it.geometry.tables):
        medium.write(it.geometry.table_offset + copy * it.geometry.table_size + 16, taken)
    volume = FatVolume(medium)
    with pytest.raises(Refusal, match="too many pieces") as refused:
        volume.begin("FILE.BIN", volume.info().free - 4096)
    assert refused.value.code is Code.MEDIUM_FULL


def test_a_dirty_volume_whose_names_lead_to_more_than_there_is_is_not_written_to() -> None:
    medium = images.medium(images.Shape(16, 3 * MIB))
    volume = FatVolume(medium)
    delivery.write(volume, "FILE.BIN", bytes(volume.info().free // 2))
    volume.close()
    it = Surgeon(medium)
    entry = medium.read(it.place(b"FILE    BIN"), 32)
    for number in range(3):
        medium.write(it.place(b"FILE    BIN") + 32 * (number + 1), b"COPY%d   BIN" % number + entry[11:])
    it.dirty()
    with pytest.raises(Refusal, match="too damaged or too large") as refused:
        FatVolume(medium).begin("NEW.BIN", 1)
    assert refused.value.code is Code.MEDIUM_UNREADABLE
    assert FatVolume(medium).read_run("COPY2.BIN", 0, 10) == bytes(10)


def test_a_dirty_volume_of_any_size_is_put_in_order_in_time(sparse: Memory) -> None:
    medium = sparse.copy()
    it = Surgeon(medium)
    lost = b"\xff\xff\xff\x0f" * 500_000
    for copy in range(it.geometry.tables):
        medium.write(it.geometry.table_offset + copy * it.geometry.table_size + 4 * 100_000, lost)
    it.dirty()
    volume = FatVolume(medium)
    before = volume.info().free
    began = time.process_time()
    with _bounded():
        delivery.write(volume, "NEW.BIN", b"n")
    assert time.process_time() - began < 5 * _SECONDS
    assert volume.info().free == before + (500_000 - 1) * it.geometry.cluster
    volume.close()


def test_a_folder_in_a_loop_of_a_dirty_volume_ends_the_survey() -> None:
    medium = images.medium(images.Shape(32, 512 * 1024))
    volume = FatVolume(medium)
    delivery.write(volume, "A/B/FILE.BIN", b"x")
    volume.close()
    it = Surgeon(medium)
    it.point(b"B          ", it.cluster(b"A          "))
    it.dirty()
    volume = FatVolume(medium)
    delivery.write(volume, "NEW.BIN", b"n")
    volume.close()
    assert checker.check(medium).files["NEW.BIN"] == b"n"
