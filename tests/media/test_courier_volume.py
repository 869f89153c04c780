"""A volume in a courier is the same volume: what is written through it is there, for everybody."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from appliance.media.courier.client import CourierVolume
from media_format.errors import Misuse
from media_format.refusal import Code, Refusal
from media_format.volume import open_volume
from media_format.volume.seam import Data, ReadBack
from tests.media.couriers import courier
from tests.media.hostile import Image
from tests.media.loops import fat_image, loop_device, run
from tests.tools import require

MIB = 1024 * 1024
CONTENT = random.Random(1).randbytes(11 * MIB + 123)


@contextmanager
def opened(image: Path, *, writable: bool = True) -> Iterator[CourierVolume]:
    with courier(image, writable=writable) as (_, volume):
        volume.open()
        yield volume


def write(volume: CourierVolume, path: str, content: Data) -> None:
    ticket = volume.begin(path, len(content))
    volume.append(ticket, content)
    volume.commit(ticket)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return fat_image(tmp_path / "medium.img", 64 * MIB, "-F", "32", "-n", "STICK")


def test_mtools_reads_what_was_written_and_fsck_finds_nothing(image: Path, tmp_path: Path) -> None:
    with opened(image) as volume:
        write(volume, "UPDATEBX/PACKAGES/1A2B3C4D/PAYLOAD.000", CONTENT)
        assert volume.settle() in (ReadBack.DIRECT, ReadBack.FLUSHED)
    out = tmp_path / "out"
    run(require("mcopy"), "-i", str(image), "::/UPDATEBX/PACKAGES/1A2B3C4D/PAYLOAD.000", str(out))
    assert out.read_bytes() == CONTENT
    run(require("fsck.fat"), "-n", str(image))


def test_what_mtools_wrote_is_read_with_its_long_name(image: Path, tmp_path: Path) -> None:
    path = tmp_path / "Ein langer Name mit Ümlauten.bin"
    path.write_bytes(CONTENT)
    run(require("mcopy"), "-i", str(image), str(path), "::/")
    with opened(image, writable=False) as volume:
        assert [(entry.name, entry.size) for entry in volume.list("")] == [(path.name, len(CONTENT))]
        assert volume.read_run(path.name, 5, len(CONTENT) - 5) == CONTENT[5:]


def test_it_answers_as_the_volume_in_this_process_does(image: Path) -> None:
    with opened(image) as volume:
        write(volume, "A.BIN", b"abc")
        found = volume.info(), volume.list(""), volume.read_object("A.BIN", 3), volume.read_run("A.BIN", 1, 0)
    plain = open_volume(image, writable=False)
    assert found == (plain.info(), plain.list(""), plain.read_object("A.BIN", 3), b"")
    plain.close()


def test_a_folder_of_many_pages_is_listed_whole_and_in_order(tmp_path: Path) -> None:
    made = Image(tmp_path / "many.img")
    made.chain(2, 9000 // 16 + 1)
    made.write(made.data, b"".join(b"FILE%04dTXT\x20" % number + bytes(20) for number in range(9000)))
    with opened(made.path, writable=False) as volume:
        assert [entry.name for entry in volume.list("")] == [
            f"FILE{number:04d}.TXT" for number in range(9000)
        ]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda volume: volume.read_object("ABSENT.BIN", 10), Code.TRUNCATED),
        (lambda volume: volume.read_object("A.BIN", 2), Code.TOO_LARGE),
        (lambda volume: volume.read_run("A.BIN", 2, 2), Code.TRUNCATED),
        (lambda volume: volume.read_run("A.BIN", 2**40, 1), Code.TRUNCATED),
        (lambda volume: volume.begin("B.BIN", 100 * MIB), Code.MEDIUM_FULL),
    ],
)
def test_refusals_come_through_with_their_code(image: Path, call: object, code: Code) -> None:
    with opened(image) as volume:
        write(volume, "A.BIN", b"abc")
        with pytest.raises(Refusal) as caught:
            call(volume)  # type: ignore[operator]
    assert caught.value.code is code


@pytest.mark.parametrize(
    "call",
    [
        lambda volume: volume.begin("A.BIN", 1),
        lambda volume: volume.begin("lower", 1),
        lambda volume: volume.begin("B.BIN", 2**32),
        lambda volume: volume.append(77, b"x"),
        lambda volume: volume.delete("ABSENT.BIN"),
        lambda volume: volume.read_run("A.BIN", -1, 1),
    ],
)
def test_misuse_comes_through(image: Path, call: object) -> None:
    with opened(image) as volume:
        write(volume, "A.BIN", b"abc")
        with pytest.raises(Misuse):
            call(volume)  # type: ignore[operator]
        assert volume.read_object("A.BIN", 3) == b"abc"


def test_a_volume_opened_for_reading_is_not_written(image: Path) -> None:
    before = image.read_bytes()
    with opened(image, writable=False) as volume, pytest.raises(Refusal) as caught:
        volume.begin("A.BIN", 1)
    assert caught.value.code is Code.MEDIUM_WRITE_PROTECTED
    assert image.read_bytes() == before


def test_threads_may_share_a_volume(image: Path) -> None:
    wrong: list[bytes] = []
    with opened(image) as volume:
        for number in range(4):
            write(volume, f"FILE{number}.BIN", bytes([number]) * 100_000)

        def read(number: int) -> None:
            for _ in range(50):
                found = volume.read_run(f"FILE{number}.BIN", 500, 50_000)
                wrong.extend([found] if found != bytes([number]) * 50_000 else [])

        threads = [threading.Thread(target=read, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


@pytest.mark.serial
def test_a_block_device_is_written_and_read_back_past_the_cache(image: Path) -> None:
    with loop_device(image) as device:
        with opened(device) as volume:
            write(volume, "A.BIN", CONTENT)
            assert volume.settle() is ReadBack.DIRECT
            assert volume.read_run("A.BIN", 0, len(CONTENT)) == CONTENT
        run(require("fsck.fat"), "-n", str(device))


@pytest.mark.serial
def test_where_the_cache_cannot_be_passed_by_it_is_emptied_first(image: Path) -> None:
    with loop_device(image) as device, courier(device, direct=False) as (_, volume):
        volume.open()
        write(volume, "A.BIN", CONTENT)
        assert volume.settle() is ReadBack.FLUSHED
        assert volume.read_run("A.BIN", 0, len(CONTENT)) == CONTENT
