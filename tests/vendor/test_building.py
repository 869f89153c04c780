"""Building a release: how chunks are stored, and what happens when the images or the medium misbehave."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from appliance.vendor.builder import ComponentSource, measure, stored_chunks
from media_format import cose, limits
from media_format.errors import MachineFault, Misuse
from media_format.objects import Chunk, ChunkPage, Codec, ComponentKind, Envelope, Manifest
from media_format.progress import Progress, silent
from media_format.refusal import Code, Refusal
from media_format.volume.directory import DirectoryVolume
from media_format.volume.seam import Data
from tests.trust_world import refused
from tests.workshop import CHUNK, Workshop, files, make_image, volume_in

NOISE = random.Random("noise").randbytes(CHUNK)
TEXT = (b"the same words again and again " * CHUNK)[:CHUNK]


def chunks_of(tmp_path: Path, data: bytes, kind: ComponentKind = ComponentKind.IMAGE) -> list[Chunk]:
    """How an image is stored."""
    path = tmp_path / "image"
    path.write_bytes(data)
    contents = measure((ComponentSource("slot", path, "name", kind),), CHUNK, tmp_path, silent)
    try:
        return [chunk for page in contents.table.pages() for chunk in ChunkPage.from_bytes(page).chunks]
    finally:
        contents.table.close()


def test_every_chunk_is_stored_as_it_is_smallest(tmp_path: Path) -> None:
    chunks = chunks_of(tmp_path, NOISE + bytes(CHUNK) + TEXT + NOISE + TEXT + b"end")
    assert [chunk.codec for chunk in chunks] == [
        Codec.RAW, Codec.ZERO, Codec.ZSTD, Codec.SAME, Codec.SAME, Codec.RAW,
    ]  # fmt: skip
    assert [chunk.source for chunk in chunks] == [None, None, None, 0, 2, None]
    assert [chunk.stored_length for chunk in chunks if chunk.codec in (Codec.ZERO, Codec.SAME)] == [0, 0, 0]


def test_a_hook_never_repeats_a_chunk(tmp_path: Path) -> None:
    chunks = chunks_of(tmp_path, NOISE + NOISE + TEXT + TEXT, ComponentKind.HOOK)
    assert [chunk.codec for chunk in chunks] == [Codec.RAW, Codec.RAW, Codec.ZSTD, Codec.ZSTD]


def test_repeats_point_backwards_within_their_component(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for path in (first, second):
        path.write_bytes(NOISE + NOISE)
    sources = tuple(ComponentSource(path.name, path, path.name) for path in (first, second))
    contents = measure(sources, CHUNK, tmp_path, silent)
    pages = [ChunkPage.from_bytes(page) for page in contents.table.pages()]
    contents.table.close()
    assert [chunk.codec for page in pages for chunk in page.chunks] == [
        Codec.RAW, Codec.SAME, Codec.RAW, Codec.SAME,
    ]  # fmt: skip
    assert [page.stored_offset for page in pages] == [0, CHUNK]


def test_a_table_of_several_pages_counts_on(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    shop.box()
    image = b"".join(number.to_bytes(8, "big") * (CHUNK // 8) for number in range(1, 2051))
    release = shop.release("1.0", {"rootfs": image, "kernel": make_image("kernel")})
    signed = cose.read_sign(
        (release.package / "MANIFEST.CBR").read_bytes(), Manifest.CONTENT_TYPE, Manifest.LIMIT
    )
    manifest = Manifest.from_bytes(signed.payload)
    assert len(manifest.pages) == 4
    data, pages = (release.package / "CHUNKS.CBR").read_bytes(), []
    for reference in manifest.pages:
        pages.append(ChunkPage.from_bytes(data[: reference.length]))
        data = data[reference.length :]
    assert data == b""
    assert [(page.component, page.first, len(page.chunks)) for page in pages] == [
        (0, 0, 1024), (0, 1024, 1024), (0, 2048, 2), (1, 0, 6),
    ]  # fmt: skip


def test_a_payload_larger_than_a_segment_is_cut(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box = shop.box()
    release = shop.release("1.0", {"rootfs": random.Random("large").randbytes(40 * CHUNK)})
    sizes = [path.stat().st_size for path in sorted(release.package.glob("PAYLOAD.*"))]
    assert sizes[:2] == [64 * 1024, 64 * 1024]
    assert len(sizes) == 3
    box.take(release)


def test_an_empty_image_and_one_that_is_not_there_are_misuse(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name, said in (("empty", "empty"), ("missing", "cannot be read"), ("", "cannot be read")):
        with pytest.raises(Misuse, match=said):
            measure((ComponentSource("slot", tmp_path / name, "name"),), CHUNK, tmp_path, silent)


@pytest.mark.parametrize("change", ["flip", "shrink", "grow"])
def test_an_image_that_changes_while_it_is_read_is_not_released(tmp_path: Path, change: str) -> None:
    shop = Workshop(tmp_path)
    shop.box()
    order, folder = shop.order("1.0"), shop.medium("out")
    path = order.components[0].path
    data = path.read_bytes()
    changed = {"flip": b"!" + data[1:], "shrink": data[: -CHUNK - 100], "grow": data + b"more"}[change]

    def report(progress: Progress) -> None:
        if progress.phase == "measure" and progress.done == progress.total:
            path.write_bytes(changed)

    with volume_in(folder) as volume, pytest.raises((MachineFault, Misuse)):
        shop.vendor.release(volume, order, report)
    assert not any("PACKAGES" in name for name in files(folder))
    assert shop.vendor.released == ()


def test_what_is_stored_the_second_time_is_what_was_measured(tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(make_image("1.0"))
    sources = (ComponentSource("slot", path, "name"),)
    contents = measure(sources, CHUNK, tmp_path, silent)
    assert sum(map(len, stored_chunks(sources, contents))) == contents.stored_size
    contents.table.close()


class Failing(DirectoryVolume):
    """A volume that refuses the n-th write."""

    left = 0

    def append(self, ticket: int, data: Data) -> None:
        if self.left == 0:
            raise Refusal(Code.MEDIUM_FULL, "full")
        self.left -= 1
        super().append(ticket, data)


def test_a_write_that_fails_anywhere_leaves_no_package_and_no_entry(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    shop.box()
    for place in range(30):
        folder = shop.medium(f"out-{place}")
        volume = Failing(folder)
        volume.left = place
        try:
            shop.vendor.release(volume, shop.order("1.0"), silent)
            break
        except Refusal:
            assert not any("PACKAGES" in name for name in files(folder))
        finally:
            volume.close()
    else:
        pytest.fail("no write ever succeeded")
    assert place > 8
    assert len(shop.vendor.released) == 1


def test_a_release_names_its_hardware_or_takes_that_of_the_enrolled_devices(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box = shop.box()
    with pytest.raises(Misuse, match="--hardware"):
        shop.release("1.0", hardware=())
    shop.device()
    (tmp_path / "release-1.0").rmdir()
    box.take(shop.release("1.0", hardware=()))
    assert box.service.releases()[0].hardware == ("rev-b",)


def test_a_release_is_sealed_for_every_box_it_names_and_no_other(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    boxes = [shop.box("box-1"), shop.box("box-2")]
    release = shop.release("1.0")
    late = shop.box("box-3")
    for box in boxes:
        box.take(release)
    with refused(Code.NOT_FOR_THIS_DEVICE):
        late.take(release)
    signed = cose.read_sign1(
        (release.package / "ENVELOPE.CBR").read_bytes(), Envelope.CONTENT_TYPE, limits.MAX_ENVELOPE
    )
    assert len(Envelope.from_bytes(signed.payload).recipients) == 2
