"""Hostile and damaged media end in a named refusal or a correct read, in bounded time: in nothing else."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_format.errors import Misuse
from media_format.refusal import Code, Refusal
from media_format.volume.fat import FatVolume
from media_format.volume.partition import find_volume
from tests.volume import checker, delivery, images
from tests.volume.images import Shape
from tests.volume.memory import Memory
from tests.volume.surgery import CONTENT, REQUEST, Surgeon, long_name_entries, patient

small = pytest.mark.parametrize("shape", images.SMALL, ids=str)
_NAME, _FOLDER, _ROOT, _OTHER = b"1A2B3C4DREQ", b"REQUESTS   ", b"UPDATEBX   ", b"OTHER   BIN"
_SECONDS = 2.0


def _walk(volume: FatVolume, folder: str = "", depth: int = 0) -> int:
    """List every folder, as deep as anybody would look."""
    entries = volume.list(folder)
    inner = [entry.name for entry in entries if entry.folder] if depth < 5 else []
    return len(entries) + sum(_walk(volume, f"{folder}/{name}".lstrip("/"), depth + 1) for name in inner)


def _use(medium: Memory) -> bytes:
    """What a box does with a stick: look around, read the request."""
    volume = FatVolume(find_volume(medium))
    volume.info()
    _walk(volume)
    return volume.read_object(REQUEST, 1 << 20)


def _answer(medium: Memory) -> bytes | Code:
    """What was read, or why not; in the time that there is."""
    began = time.process_time()
    try:
        read: bytes | Code = _use(medium)
    except Refusal as refusal:
        read = refusal.code
    assert time.process_time() - began < _SECONDS
    return read


BOOT: dict[str, tuple[int, str, int]] = {
    "sectors of no bytes": (11, "H", 0),
    "sectors of 513 bytes": (11, "H", 513),
    "sectors of 32 KiB": (11, "H", 32768),
    "clusters of no sectors": (13, "B", 0),
    "clusters of three sectors": (13, "B", 3),
    "no reserved sectors": (14, "H", 0),
    "more reserved sectors than there are": (14, "H", 0xFFFF),
    "no FAT": (16, "B", 0),
    "255 FATs": (16, "B", 255),
    "a jump to nowhere": (0, "B", 0),
    "no signature": (510, "H", 0),
}
WIDE: dict[str, tuple[int, str, int]] = {
    "no sectors": (32, "L", 0),
    "2^32 - 1 sectors": (32, "L", 0xFFFFFFFF),
    "one sector more than there is": (32, "L", 73729),
    "a FAT of no sectors": (36, "L", 0),
    "a FAT of 2^32 - 1 sectors": (36, "L", 0xFFFFFFFF),
    "a FAT too short": (36, "L", 1),
    "root entries on FAT32": (17, "H", 512),
    "a root at cluster 0": (44, "L", 0),
    "a root at cluster 1": (44, "L", 1),
    "a root behind the end": (44, "L", 0x00FFFFFF),
    "a root at 2^32 - 1": (44, "L", 0xFFFFFFFF),
    "a version of the future": (42, "H", 1),
    "a FAT chosen by flag": (40, "H", 0x81),
}
NARROW: dict[str, tuple[int, str, int]] = {
    "no root entries": (17, "H", 0),
    "a FAT of 65535 sectors": (22, "H", 65535),
    "a FAT too short": (22, "H", 1),
    "more sectors than the medium": (19, "H", 65535),
}


@small
@pytest.mark.parametrize("field", BOOT)
def test_a_boot_sector_that_makes_no_sense_is_refused(shape: Shape, field: str) -> None:
    medium = patient(shape)
    Surgeon(medium).boot(*BOOT[field])
    assert _answer(medium) is Code.MEDIUM_UNREADABLE


@pytest.mark.parametrize("field", WIDE)
def test_a_fat32_boot_sector_that_makes_no_sense_is_refused(field: str) -> None:
    medium = patient(Shape(32, 36 * images.MIB))
    Surgeon(medium).boot(*WIDE[field])
    assert _answer(medium) is Code.MEDIUM_UNREADABLE


@pytest.mark.parametrize("field", NARROW)
def test_a_fat16_boot_sector_that_makes_no_sense_is_refused(field: str) -> None:
    medium = patient(images.SMALL[1])
    Surgeon(medium).boot(*NARROW[field])
    assert _answer(medium) is Code.MEDIUM_UNREADABLE


@pytest.mark.parametrize(("offset", "width", "value"), [(13, "B", 128), (17, "H", 65535)])
def test_a_boot_sector_that_puts_the_files_elsewhere_finds_none(offset: int, width: str, value: int) -> None:
    medium = patient(images.SMALL[1])
    Surgeon(medium).boot(offset, width, value)
    assert _answer(medium) in (Code.MEDIUM_UNREADABLE, Code.TRUNCATED)


def test_a_free_space_sector_that_is_nowhere_is_done_without() -> None:
    medium = patient(images.SMALL[2])
    Surgeon(medium).boot(48, "H", 0xFFFF)
    assert _answer(medium) == CONTENT


@small
def test_an_image_cut_short_is_refused(shape: Shape) -> None:
    whole = patient(shape)
    for size in (0, 1, 511, 512, 4096, whole.size - 4096):
        assert _answer(
            whole.part(0, size // 4096 * 4096) if size >= 4096 else Memory.of(whole.read(0, size))
        ) is (Code.MEDIUM_UNREADABLE)


Operation = Callable[[Surgeon], None]


def _after(surgeon: Surgeon, name: bytes, steps: int) -> int:
    """A cluster some steps into a file; ours are written in one run."""
    return surgeon.cluster(name) + steps


CHAINS: dict[str, Operation] = {
    "a file that leads back to its first cluster": lambda it: it.link(
        _after(it, _NAME, 2), it.cluster(_NAME)
    ),
    "a cluster that follows itself": lambda it: it.link(_after(it, _NAME, 1), _after(it, _NAME, 1)),
    "a file that leads to a free cluster": lambda it: it.link(_after(it, _NAME, 1), it.geometry.clusters),
    "a file that leads behind the end": lambda it: it.link(_after(it, _NAME, 1), it.geometry.clusters + 2),
    "a file that leads to cluster 0": lambda it: it.link(_after(it, _NAME, 1), 0),
    "a file that leads to cluster 1": lambda it: it.link(_after(it, _NAME, 1), 1),
    "a file that leads to a bad cluster": lambda it: it.link(_after(it, _NAME, 1), it.geometry.mask - 8),
    "a file with a chain too short": lambda it: it.link(_after(it, _NAME, 1), it.geometry.mask),
    "a file with a chain too long": lambda it: it.resize(_NAME, 600),
    "a file larger than its chain": lambda it: it.resize(_NAME, 100_000),
    "a file of 4 GiB": lambda it: it.resize(_NAME, 0xFFFFFFFF),
    "a file without clusters": lambda it: it.point(_NAME, 0),
    "a file behind the end": lambda it: it.point(_NAME, 0xFFFF),
    "a folder that leads back to itself": lambda it: it.link(it.cluster(_FOLDER), it.cluster(_FOLDER)),
    "a folder behind the end": lambda it: it.point(_FOLDER, 0xFFFF),
    "a folder at cluster 0": lambda it: it.point(_FOLDER, 0),
    "a folder at cluster 1": lambda it: it.point(_FOLDER, 1),
}


@small
@pytest.mark.parametrize("chain", CHAINS)
def test_a_chain_that_leads_astray_is_refused(shape: Shape, chain: str) -> None:
    medium = patient(shape)
    CHAINS[chain](Surgeon(medium))
    assert _answer(medium) in (Code.MEDIUM_UNREADABLE, Code.TOO_LARGE)


LOOPS: dict[str, Operation] = {
    "a folder that is its own parent": lambda it: it.point(_FOLDER, it.cluster(_ROOT)),
    "a folder that is a file": lambda it: it.mark(_FOLDER, 0x20),
    "a folder that is a label": lambda it: it.mark(_FOLDER, 0x08),
    "a root folder that is a file": lambda it: it.mark(_ROOT, 0x20),
    "a request that is a folder": lambda it: it.mark(_NAME, 0x10),
    "a request that is deleted": lambda it: it.medium.write(it.place(_NAME), b"\xe5"),
    "a folder that ends before the request": lambda it: it.medium.write(it.place(_NAME), b"\0"),
}


@small
@pytest.mark.parametrize("loop", LOOPS)
def test_folders_that_loop_or_are_none_lead_to_no_request(shape: Shape, loop: str) -> None:
    medium = patient(shape)
    LOOPS[loop](Surgeon(medium))
    assert _answer(medium) in (Code.TRUNCATED, Code.MEDIUM_UNREADABLE)


def test_a_root_that_leads_back_to_itself_is_refused() -> None:
    medium = patient(images.SMALL[2])
    it = Surgeon(medium)
    it.link(it.geometry.root_cluster, it.geometry.root_cluster)
    assert _answer(medium) is Code.MEDIUM_UNREADABLE


@small
def test_two_files_on_the_same_clusters_are_read_as_their_names_say(shape: Shape) -> None:
    medium = patient(shape)
    it = Surgeon(medium)
    it.point(_OTHER, it.cluster(_NAME))
    assert _answer(medium) == CONTENT


@small
def test_where_the_first_fat_is_damaged_the_second_one_is_asked(shape: Shape) -> None:
    medium = patient(shape)
    it = Surgeon(medium)
    it.link(it.cluster(_NAME), 0, copies=(0,))
    assert _answer(medium) == CONTENT


@small
def test_where_the_second_fat_is_damaged_the_first_one_counts(shape: Shape) -> None:
    medium = patient(shape)
    it = Surgeon(medium)
    it.link(it.cluster(_NAME), 0, copies=(1,))
    assert _answer(medium) == CONTENT


@small
def test_a_writer_makes_the_copies_of_the_fat_equal_again(shape: Shape) -> None:
    medium = patient(shape)
    it = Surgeon(medium)
    it.link(it.cluster(_NAME), 0, copies=(0,))
    it.dirty()
    volume = FatVolume(medium)
    delivery.write(volume, "NEW.BIN", b"n" * 2000)
    volume.close()
    assert checker.check(medium).sound
    assert images.fsck(medium, shape) == ""
    assert _answer(medium) == CONTENT


@small
@pytest.mark.parametrize("chain", [*CHAINS, *LOOPS])
def test_a_writer_never_gives_out_a_cluster_that_a_name_leads_to(shape: Shape, chain: str) -> None:
    medium = patient(shape)
    it = Surgeon(medium)
    {**CHAINS, **LOOPS}[chain](it)
    it.dirty()
    before = checker.check(medium)
    volume = FatVolume(medium)
    began = time.process_time()
    try:
        delivery.write(volume, "NEW.BIN", b"n" * volume.info().free)
        volume.close()
    except Refusal as refusal:
        assert refusal.code in (Code.MEDIUM_UNREADABLE, Code.MEDIUM_FULL)
        return
    assert time.process_time() - began < _SECONDS
    after = checker.check(medium)
    assert after.files.pop("NEW.BIN").strip(b"n") == b""
    assert (after.files, after.damage) == (before.files, before.damage)


@small
def test_nothing_is_deleted_where_chains_cross(shape: Shape) -> None:
    medium = patient(shape)
    it = Surgeon(medium)
    it.point(_OTHER, it.cluster(_NAME))
    it.dirty()
    volume = FatVolume(medium)
    with pytest.raises(Refusal, match="not sound") as refused:
        volume.delete(REQUEST)
    assert refused.value.code is Code.MEDIUM_UNREADABLE
    assert _answer(medium) == CONTENT


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


def test_a_folder_of_65000_names_is_listed_in_time() -> None:
    volume = FatVolume(_crowded(65000))
    began = time.process_time()
    entries = volume.list("CROWD")
    assert time.process_time() - began < _SECONDS
    assert len(entries) == 65000
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
    Surgeon(medium).resize(_NAME, 0xFFFFFFFF)
    with pytest.raises(Refusal) as refused:
        FatVolume(medium).read_run(REQUEST, 0, 10)
    assert refused.value.code is Code.MEDIUM_UNREADABLE


def test_a_volume_of_one_cluster_too_few_is_refused() -> None:
    medium = patient(images.SMALL[0])
    Surgeon(medium).boot(13, "B", 128)
    Surgeon(medium.copy())
    medium.write(19, (60).to_bytes(2, "little"))
    assert _answer(medium) is Code.MEDIUM_UNREADABLE


def test_clusters_of_more_than_any_system_reads_are_refused() -> None:
    medium = patient(Shape(16, 20 * images.MIB, sector=4096))
    Surgeon(medium).boot(13, "B", 255 & 0x80)
    Surgeon(medium)
    medium.write(11, (8192).to_bytes(2, "little"))
    assert _answer(medium) is Code.MEDIUM_UNREADABLE


def test_more_clusters_than_fat16_has_are_refused() -> None:
    medium = patient(Shape(16, 40 * images.MIB, cluster=2))
    it = Surgeon(medium)
    it.boot(13, "B", 1)
    it.boot(22, "H", 300)
    assert _answer(medium) is Code.MEDIUM_UNREADABLE


def test_sidecar_files_are_listed_and_harm_nothing() -> None:
    medium = patient(images.SMALL[1])
    it = Surgeon(medium)
    sidecars = ["._1A2B3C4D.REQ", ".DS_Store", "Thumbs.db", "desktop.ini"]
    entries = b"".join(long_name_entries(name, b"SIDE~%d  TXT" % at) for at, name in enumerate(sidecars))
    medium.write(it.place(_NAME) + 32, entries)
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
    answer = _answer(medium.copy())
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
    assert time.process_time() - began < _SECONDS
