"""Segments: a payload cut into files, and files that were changed, moved or lost on the way."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media_format import limits
from media_format.errors import Misuse
from media_format.payload.cobblestone import Opener, RandomAccess, Sealer, ciphertext_length
from media_format.payload.segments import SegmentReader, SegmentWriter, segment_sizes
from media_format.refusal import Code, Refusal
from media_format.volume.directory import DirectoryVolume

FOLDER = "UPDATEBX/PACKAGES/1A2B3C4D"
SIZE = 4096
KEY, CONTEXT = bytes(range(32)), b"package and release"


def pattern(size: int) -> bytes:
    return hashlib.shake_256(b"segments").digest(size)


def write(volume: DirectoryVolume, data: bytes, size: int = SIZE, step: int = 1000) -> None:
    writer = SegmentWriter(volume, FOLDER, len(data), size)
    for at in range(0, len(data), step):
        writer.append(data[at : at + step])
    writer.close()


@pytest.fixture
def volume(tmp_path: Path) -> DirectoryVolume:
    return DirectoryVolume(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / FOLDER


def refused(doing: Callable[..., object], *arguments: object) -> Code:
    with pytest.raises(Refusal) as refusal:
        doing(*arguments)
    return refusal.value.code


def test_files_are_cut_at_the_boundary_and_named_in_order(volume: DirectoryVolume, folder: Path) -> None:
    data = pattern(2 * SIZE + 100)
    write(volume, data)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert files == {
        "PAYLOAD.000": data[:SIZE],
        "PAYLOAD.001": data[SIZE : 2 * SIZE],
        "PAYLOAD.002": data[2 * SIZE :],
    }


def test_a_payload_that_ends_at_the_boundary_has_no_empty_file(volume: DirectoryVolume, folder: Path) -> None:
    write(volume, pattern(2 * SIZE))
    assert sorted(path.name for path in folder.iterdir()) == ["PAYLOAD.000", "PAYLOAD.001"]


@settings(max_examples=25, deadline=None)
@given(
    length=st.integers(0, 5 * SIZE),
    size=st.sampled_from([SIZE, 2 * SIZE, 16 * SIZE]),
    step=st.integers(500, 6 * SIZE),
    runs=st.lists(st.tuples(st.integers(0, 5 * SIZE), st.integers(0, 5 * SIZE)), max_size=10),
)
def test_any_run_comes_back_across_boundaries(
    length: int, size: int, step: int, runs: list[tuple[int, int]]
) -> None:
    data = pattern(length)
    with tempfile.TemporaryDirectory() as root:
        volume = DirectoryVolume(Path(root))
        write(volume, data, size, step)
        reader = SegmentReader(volume, FOLDER, length, size)
        for offset, count in runs:
            if offset + count <= length:
                assert reader.read_run(offset, count) == data[offset : offset + count]
            else:
                assert refused(reader.read_run, offset, count) is Code.TRUNCATED
        volume.close()


@given(st.integers(0, 1000 * SIZE))
def test_the_sizes_add_up_and_only_the_last_may_be_short(length: int) -> None:
    sizes = segment_sizes(length, SIZE)
    assert sum(sizes) == length
    assert all(size == SIZE for size in sizes[:-1])
    assert all(0 < size <= SIZE for size in sizes)


@pytest.mark.parametrize("length", [1000 * SIZE + 1, 2**63, 2**200])
def test_there_are_at_most_a_thousand_files(length: int) -> None:
    assert refused(segment_sizes, length, SIZE) is Code.TOO_LARGE


@pytest.mark.parametrize(
    "size", [0, -SIZE, 1, SIZE - 1, SIZE + 1, limits.MAX_SEGMENT_SIZE + SIZE, 2**32, 2**64]
)
def test_a_boundary_that_is_none_is_malformed(size: int) -> None:
    assert refused(segment_sizes, 100, size) is Code.MALFORMED


def test_a_negative_length_is_malformed() -> None:
    assert refused(segment_sizes, -1, SIZE) is Code.MALFORMED


def test_the_usual_boundary_suits_fat() -> None:
    gib = limits.GIB
    assert segment_sizes(5 * gib + 1, limits.DEFAULT_SEGMENT_SIZE) == (gib,) * 5 + (1,)
    assert max(segment_sizes(9 * gib, limits.MAX_SEGMENT_SIZE)) < 2**32


@pytest.mark.parametrize("length", [0, 1, SIZE, SIZE + 1])
def test_a_payload_longer_than_announced_is_misuse(volume: DirectoryVolume, length: int) -> None:
    writer = SegmentWriter(volume, FOLDER, length, SIZE)
    with pytest.raises(Misuse):
        writer.append(pattern(length + 1))


@pytest.mark.parametrize("written", [0, 1, SIZE, SIZE + 1])
def test_a_payload_shorter_than_announced_is_misuse_and_leaves_no_half_a_file(
    volume: DirectoryVolume, folder: Path, written: int
) -> None:
    writer = SegmentWriter(volume, FOLDER, SIZE + 2, SIZE)
    writer.append(pattern(written))
    with pytest.raises(Misuse):
        writer.close()
    found = [path.stat().st_size for path in folder.glob("*")]
    assert found == [SIZE] * (written // SIZE)


def test_a_discarded_payload_leaves_no_half_a_file(volume: DirectoryVolume, folder: Path) -> None:
    writer = SegmentWriter(volume, FOLDER, 2 * SIZE, SIZE)
    writer.append(pattern(SIZE + 100))
    writer.discard()
    writer.discard()
    assert [path.name for path in folder.iterdir()] == ["PAYLOAD.000"]


def test_stray_files_do_not_matter(volume: DirectoryVolume, folder: Path) -> None:
    data = pattern(2 * SIZE)
    write(volume, data)
    (folder / "PAYLOAD.002").write_bytes(b"left over")
    (folder / "._PAYLOAD.000").write_bytes(b"sidecar")
    (folder / "Thumbs.db").write_bytes(b"thumbs")
    assert SegmentReader(volume, FOLDER, len(data), SIZE).read_run(0, len(data)) == data


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(lambda path: path.unlink(), Code.TRUNCATED, id="missing"),
        pytest.param(lambda path: path.write_bytes(b""), Code.TRUNCATED, id="empty"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-1]), Code.TRUNCATED, id="cut"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes() + b"\0"), Code.MALFORMED, id="extended"),
        pytest.param(lambda path: (path.unlink(), path.mkdir()), Code.TRUNCATED, id="a folder"),
    ],
)
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_file_of_another_size_is_refused_before_anything_is_read(
    volume: DirectoryVolume, folder: Path, change: Callable[[Path], object], code: Code, number: int
) -> None:
    write(volume, pattern(3 * SIZE - 5))
    change(folder / f"PAYLOAD.00{number}")
    assert refused(SegmentReader, volume, FOLDER, 3 * SIZE - 5, SIZE) is code


def test_a_package_that_is_not_there_is_truncated(volume: DirectoryVolume) -> None:
    assert refused(SegmentReader, volume, FOLDER, 1, SIZE) is Code.TRUNCATED


def test_a_file_that_shrinks_while_it_is_read_is_truncated(volume: DirectoryVolume, folder: Path) -> None:
    write(volume, pattern(2 * SIZE))
    reader = SegmentReader(volume, FOLDER, 2 * SIZE, SIZE)
    (folder / "PAYLOAD.001").write_bytes(b"less")
    assert reader.read_run(0, SIZE) == pattern(SIZE)
    assert refused(reader.read_run, SIZE - 1, 10) is Code.TRUNCATED


PLAINTEXT = pattern(3 * 16384)
LENGTH = ciphertext_length(len(PLAINTEXT))


def write_sealed(volume: DirectoryVolume) -> None:
    sealer = Sealer(KEY, CONTEXT)
    writer = SegmentWriter(volume, FOLDER, LENGTH, SIZE)
    for at in range(0, len(PLAINTEXT), 5000):
        writer.append(sealer.update(PLAINTEXT[at : at + 5000]))
    writer.append(sealer.finalize())
    writer.close()


def open_at_random(volume: DirectoryVolume) -> bytes:
    payload = RandomAccess(KEY, CONTEXT, LENGTH, SegmentReader(volume, FOLDER, LENGTH, SIZE).read_run)
    return payload.read(0, len(PLAINTEXT))


def open_in_sequence(volume: DirectoryVolume) -> bytes:
    reader, opener = SegmentReader(volume, FOLDER, LENGTH, SIZE), Opener(KEY, CONTEXT)
    runs = (reader.read_run(at, min(7000, LENGTH - at)) for at in range(0, LENGTH, 7000))
    return b"".join([*map(opener.update, runs), opener.finalize()])


@pytest.fixture(params=[open_at_random, open_in_sequence], ids=["at random", "in sequence"])
def opening(request: pytest.FixtureRequest) -> Callable[[DirectoryVolume], bytes]:
    chosen: Callable[[DirectoryVolume], bytes] = request.param
    return chosen


Opening = Callable[[DirectoryVolume], bytes]


def test_a_sealed_payload_opens_out_of_its_segments(volume: DirectoryVolume, opening: Opening) -> None:
    write_sealed(volume)
    assert opening(volume) == PLAINTEXT


@pytest.mark.parametrize(("one", "other"), [(0, 1), (3, 4), (1, 9)])
def test_swapped_segments_do_not_open(
    volume: DirectoryVolume, folder: Path, opening: Opening, one: int, other: int
) -> None:
    write_sealed(volume)
    first, second = folder / f"PAYLOAD.{one:03d}", folder / f"PAYLOAD.{other:03d}"
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    assert refused(opening, volume) is Code.DECRYPTION_FAILED


def test_a_repeated_segment_does_not_open(volume: DirectoryVolume, folder: Path, opening: Opening) -> None:
    write_sealed(volume)
    (folder / "PAYLOAD.003").write_bytes((folder / "PAYLOAD.002").read_bytes())
    assert refused(opening, volume) is Code.DECRYPTION_FAILED


def test_a_segment_of_another_package_does_not_open(tmp_path: Path, opening: Opening) -> None:
    volumes = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        volumes.append(DirectoryVolume(tmp_path / name))
        write_sealed(volumes[-1])
    for number in (0, 5):
        file = f"{FOLDER}/PAYLOAD.{number:03d}"
        kept = (tmp_path / "one" / file).read_bytes()
        (tmp_path / "one" / file).write_bytes((tmp_path / "other" / file).read_bytes())
        assert refused(opening, volumes[0]) is Code.DECRYPTION_FAILED
        (tmp_path / "one" / file).write_bytes(kept)
    assert opening(volumes[0]) == PLAINTEXT


def test_one_flipped_bit_in_any_segment_is_noticed(volume: DirectoryVolume, folder: Path) -> None:
    write_sealed(volume)
    for path in sorted(folder.iterdir()):
        kept = path.read_bytes()
        path.write_bytes(kept[:-1] + bytes([kept[-1] ^ 0x40]))
        for way in (open_at_random, open_in_sequence):
            assert refused(way, volume) is Code.DECRYPTION_FAILED
        path.write_bytes(kept)
