"""The descriptor of an image file: bounds, flushes, reading past the page cache, the names of errors."""

from __future__ import annotations

import errno
import os
import pty
from pathlib import Path

import pytest

from media_format.errors import MachineFault, Misuse
from media_format.refusal import Code, Refusal
from media_format.volume import open_volume
from media_format.volume.blocks import Window
from media_format.volume.descriptor import Descriptor
from media_format.volume.direct import aligned_memory
from media_format.volume.seam import ReadBack
from media_format.volume.system_errors import naming_errors
from tests.volume import images
from tests.volume.images import KIB, MIB, Shape
from tests.volume.memory import Memory

_CONTENT = bytes(range(251)) * 40_000


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "medium.img"
    path.write_bytes(_CONTENT)
    return path


def _offers_direct(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("evicted", [False, True])
@pytest.mark.parametrize("place", [(0, 1), (511, 2), (4095, 4098), (100, 9 * MIB), (len(_CONTENT) - 7, 7)])
def test_any_run_of_bytes_is_read_as_it_is(image: Path, evicted: bool, place: tuple[int, int]) -> None:
    descriptor = Descriptor.open(image, writable=False)
    if evicted:
        descriptor.evict()
    offset, length = place
    assert descriptor.read(offset, length) == _CONTENT[offset : offset + length]
    descriptor.close()


def test_aligned_memory_is_written_as_it_is(image: Path) -> None:
    memory = aligned_memory(3 * MIB)
    memory[:] = b"mine" * (3 * MIB // 4)
    descriptor = Descriptor.open(image, writable=True)
    descriptor.write(512, memoryview(memory))
    descriptor.close()
    assert image.read_bytes() == _CONTENT[:512] + memory[:] + _CONTENT[512 + 3 * MIB :]


@pytest.mark.parametrize("offset", [0, 1, 512, 63 * 512])
@pytest.mark.parametrize("length", [1, 4096, MIB, MIB + 1, 5 * MIB + 513])
def test_any_run_of_bytes_is_written_and_nothing_beside_it(image: Path, offset: int, length: int) -> None:
    data = (b"new!" * (length // 4 + 1))[:length]
    descriptor = Descriptor.open(image, writable=True)
    descriptor.write(offset, data)
    descriptor.evict()
    whole = _CONTENT[:offset] + data + _CONTENT[offset + length :]
    assert descriptor.read(0, len(whole)) == whole
    descriptor.close()
    assert image.read_bytes() == whole


def test_what_was_read_ahead_is_not_given_out_after_a_write(image: Path) -> None:
    descriptor = Descriptor.open(image, writable=True)
    descriptor.evict()
    for offset in range(0, 3 * MIB, MIB):
        descriptor.read(offset, MIB)
    for length in (100, 2 * MIB):
        descriptor.write(3 * MIB, b"n" * length)
        assert descriptor.read(3 * MIB, length) == b"n" * length
    descriptor.close()


def test_what_a_stranger_changes_is_seen_after_the_cache_is_dropped(image: Path) -> None:
    descriptor = Descriptor.open(image, writable=False)
    descriptor.evict()
    descriptor.read(0, 4096)
    with image.open("r+b") as stranger:
        stranger.write(b"changed")
    descriptor.evict()
    assert descriptor.read(0, 7) == b"changed"
    descriptor.close()


def test_the_way_of_reading_back_is_told_truly(image: Path) -> None:
    descriptor = Descriptor.open(image, writable=True)
    assert (descriptor.evict() is ReadBack.DIRECT) == _offers_direct(image)
    descriptor.close()


@pytest.mark.parametrize("place", [(-1, 1), (0, -1), (len(_CONTENT), 1), (0, len(_CONTENT) + 1), (2**64, 0)])
def test_nothing_outside_the_medium_is_read_or_written(image: Path, place: tuple[int, int]) -> None:
    descriptor = Descriptor.open(image, writable=True)
    with pytest.raises(Refusal) as refused:
        descriptor.read(*place)
    assert refused.value.code is Code.MEDIUM_UNREADABLE
    if place[1] > 0:
        with pytest.raises(Refusal):
            descriptor.write(place[0], bytes(place[1]))
    descriptor.close()
    assert image.read_bytes() == _CONTENT


@pytest.mark.parametrize("place", [(-1, 1), (4096, 1), (0, 4097)])
def test_nothing_outside_a_partition_is_read_or_written(place: tuple[int, int]) -> None:
    medium = Memory(MIB)
    window = Window(medium, 8192, 4096)
    with pytest.raises(Refusal, match="past its partition's end"):
        window.read(*place)
    with pytest.raises(Refusal, match="past its partition's end"):
        window.write(place[0], bytes(place[1]))
    assert not medium.pages


@pytest.mark.parametrize("evicted", [False, True])
def test_a_file_that_shrinks_under_the_reader_is_refused(image: Path, evicted: bool) -> None:
    descriptor = Descriptor.open(image, writable=False)
    if evicted:
        descriptor.evict()
    os.truncate(image, 5000)
    with pytest.raises(Refusal, match="ends within") as refused:
        descriptor.read(0, 9000)
    assert refused.value.code is Code.MEDIUM_UNREADABLE
    descriptor.close()


def test_a_descriptor_opened_for_reading_is_not_written_through(image: Path) -> None:
    descriptor = Descriptor.open(image, writable=False)
    with pytest.raises(Refusal) as refused:
        descriptor.write(0, b"x")
    assert refused.value.code is Code.MEDIUM_WRITE_PROTECTED
    descriptor.close()


def test_closing_twice_is_harmless(image: Path) -> None:
    descriptor = Descriptor.open(image, writable=False)
    descriptor.evict()
    descriptor.close()
    descriptor.close()


def test_a_link_to_an_image_is_not_followed(image: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.img"
    link.symlink_to(image)
    with pytest.raises(Refusal) as refused:
        Descriptor.open(link, writable=False)
    assert refused.value.code is Code.MEDIUM_UNREADABLE


def test_what_is_neither_file_nor_device_is_misuse() -> None:
    controller, terminal = pty.openpty()
    with pytest.raises(Misuse, match="neither a block device nor a file"):
        Descriptor.open(Path(os.ttyname(terminal)), writable=False)
    os.close(controller)
    os.close(terminal)


def test_the_direct_descriptor_can_be_handed_over(image: Path) -> None:
    opened = Descriptor.open(image, writable=True)
    fds = [os.dup(fd) for fd in opened.handles()]
    opened.close()
    taken = Descriptor(fds[0], "handed over", writable=True, direct=fds[1] if len(fds) > 1 else None)
    taken.write(0, b"x" * (2 * MIB))
    taken.evict()
    assert taken.read(0, 2 * MIB) == b"x" * (2 * MIB)
    taken.close()


CODES = {
    errno.EROFS: Code.MEDIUM_WRITE_PROTECTED,
    errno.EBUSY: Code.MEDIUM_BUSY,
    errno.ENOSPC: Code.MEDIUM_FULL,
    errno.EIO: Code.MEDIUM_PULLED,
    errno.ENODEV: Code.MEDIUM_PULLED,
    errno.ENOMEDIUM: Code.MEDIUM_PULLED,
    errno.ENXIO: Code.MEDIUM_PULLED,
    errno.ELOOP: Code.MEDIUM_UNREADABLE,
}


@pytest.mark.parametrize(("number", "code"), CODES.items(), ids=lambda value: str(value))
def test_an_error_of_the_system_has_one_name(number: int, code: Code) -> None:
    with pytest.raises(Refusal, match="the stick") as refused, naming_errors("the stick"):
        raise OSError(number, os.strerror(number))
    assert refused.value.code is code


def test_a_missing_permission_is_the_machine_s_fault() -> None:
    with pytest.raises(MachineFault, match="removable media"), naming_errors("the stick"):
        raise PermissionError(errno.EACCES, "no")


def test_a_directory_and_an_image_open_as_volumes(tmp_path: Path) -> None:
    image = images.medium(Shape(12, 256 * KIB)).save(tmp_path / "medium.img")
    for path, kind in ((tmp_path, "directory"), (image, "fat12")):
        volume = open_volume(path, writable=True)
        assert volume.info().kind == kind
        volume.close()


def test_an_image_that_holds_no_volume_is_closed_again(tmp_path: Path) -> None:
    path = tmp_path / "medium.img"
    path.write_bytes(bytes(MIB))
    before = os.listdir("/proc/self/fd")
    with pytest.raises(Refusal, match="blank"):
        open_volume(path, writable=False)
    assert os.listdir("/proc/self/fd") == before
