"""A package on a medium: written part by part, there once its envelope is, gone when given up."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from media_format import layout, limits
from media_format.objects import Envelope, Manifest, PageReference
from media_format.package import PackageReader, PackageWriter, list_packages
from media_format.refusal import Code, Refusal
from media_format.volume.directory import DirectoryVolume
from tests.formats.vector_makers.objects import ENVELOPE, MANIFEST

FOLDER = layout.package_folder(bytes.fromhex("1a2b3c4d"))
PAGES = (b"the first page", b"the second one")
PAYLOAD = bytes(range(256)) * 300
"""More than one segment."""


class Recording(DirectoryVolume):
    """A medium that remembers in which order files came to exist and went."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.begun: list[str] = []
        self.deleted: list[str] = []

    def begin(self, path: str, size: int) -> int:
        self.begun.append(path.removeprefix(f"{FOLDER}/"))
        return super().begin(path, size)

    def delete(self, path: str) -> None:
        self.deleted.append(path.removeprefix(f"{FOLDER}/"))
        super().delete(path)


def described() -> tuple[Manifest, Envelope]:
    references = tuple(
        PageReference(digest=hashlib.sha256(page).digest(), length=len(page)) for page in PAGES
    )
    return (
        dataclasses.replace(MANIFEST, pages=references),
        dataclasses.replace(ENVELOPE, payload_length=len(PAYLOAD), segment_size=limits.MIN_SEGMENT_SIZE),
    )


def write(volume: DirectoryVolume, *, whole: bool = True) -> PackageWriter:
    writer = PackageWriter(volume, FOLDER)
    writer.write_manifest(b"a manifest")
    writer.write_table(PAGES, sum(map(len, PAGES)))
    payload = writer.payload(len(PAYLOAD), limits.MIN_SEGMENT_SIZE)
    payload.append(PAYLOAD)
    payload.close()
    if whole:
        writer.write_envelope(b"an envelope")
    return writer


def refused(call: object, *arguments: object) -> Code:
    assert callable(call)
    with pytest.raises(Refusal) as caught:
        call(*arguments)
    return caught.value.code


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    volume = DirectoryVolume(tmp_path)
    write(volume)
    assert list_packages(volume) == (FOLDER,)
    reader, (manifest, envelope) = PackageReader(volume, FOLDER), described()
    assert (reader.manifest(), reader.envelope()) == (b"a manifest", b"an envelope")
    assert [reader.page(manifest, number) for number in range(2)] == list(PAGES)
    assert manifest.table_size == (tmp_path / FOLDER / layout.CHUNKS).stat().st_size
    assert reader.payload(envelope).read_run(0, len(PAYLOAD)) == PAYLOAD


def test_the_envelope_is_written_last_and_makes_the_package_exist(tmp_path: Path) -> None:
    volume = Recording(tmp_path)
    writer = write(volume, whole=False)
    assert list_packages(volume) == ()
    writer.write_envelope(b"an envelope")
    assert list_packages(volume) == (FOLDER,)
    assert volume.begun == ["MANIFEST.CBR", "CHUNKS.CBR", "PAYLOAD.000", "PAYLOAD.001", "ENVELOPE.CBR"]


def test_a_package_that_is_given_up_loses_its_envelope_first_and_leaves_nothing(tmp_path: Path) -> None:
    volume = Recording(tmp_path)
    write(volume).abandon()
    assert volume.deleted[0] == "ENVELOPE.CBR"
    assert list((tmp_path / layout.PACKAGES).iterdir()) == []


def test_giving_up_before_anything_was_written_does_nothing(tmp_path: Path) -> None:
    PackageWriter(DirectoryVolume(tmp_path), FOLDER).abandon()
    assert list(tmp_path.iterdir()) == []


def test_a_part_that_could_not_be_made_leaves_no_file(tmp_path: Path) -> None:
    def pages() -> Iterator[bytes]:
        yield PAGES[0]
        raise Refusal(Code.DIGEST_MISMATCH, "the source gave something else")

    writer = PackageWriter(DirectoryVolume(tmp_path), FOLDER)
    assert refused(writer.write_table, pages(), 28) is Code.DIGEST_MISMATCH
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_a_package_can_be_read_from_its_own_folder(tmp_path: Path) -> None:
    write(DirectoryVolume(tmp_path))
    reader, (manifest, envelope) = PackageReader(DirectoryVolume(tmp_path / FOLDER), ""), described()
    assert (reader.envelope(), reader.page(manifest, 1)) == (b"an envelope", PAGES[1])
    assert reader.payload(envelope).read_run(65530, 12) == PAYLOAD[65530:65542]


def test_strangers_among_the_packages_are_passed_over(tmp_path: Path) -> None:
    volume = DirectoryVolume(tmp_path)
    write(volume)
    for name in ("._1A2B3C", "New folder", "TOOLONGNAME", "EMPTY"):
        (tmp_path / layout.PACKAGES / name).mkdir()
    for name in ("._1A2B3C", "New folder", "TOOLONGNAME"):
        (tmp_path / layout.PACKAGES / name / layout.ENVELOPE).write_bytes(b"x")
    (tmp_path / layout.PACKAGES / "THUMBS.DB").write_bytes(b"x")
    assert list_packages(volume) == (FOLDER,)


def test_no_more_than_1024_folders_are_opened(tmp_path: Path) -> None:
    for number in range(1100):
        folder = tmp_path / layout.PACKAGES / f"{number:08}"
        folder.mkdir(parents=True)
        (folder / layout.ENVELOPE).write_bytes(b"x")
    found = list_packages(DirectoryVolume(tmp_path))
    assert found == tuple(f"{layout.PACKAGES}/{number:08}" for number in range(1024))


def test_parts_that_are_missing_or_cut_are_truncated(tmp_path: Path) -> None:
    volume = DirectoryVolume(tmp_path)
    write(volume)
    reader, (manifest, envelope) = PackageReader(volume, FOLDER), described()
    (tmp_path / FOLDER / layout.CHUNKS).write_bytes(PAGES[0] + PAGES[1][:-1])
    assert reader.page(manifest, 0) == PAGES[0]
    assert refused(reader.page, manifest, 1) is Code.TRUNCATED
    (tmp_path / FOLDER / layout.MANIFEST).unlink()
    assert refused(reader.manifest) is Code.TRUNCATED
    (tmp_path / FOLDER / layout.segment(1)).unlink()
    assert refused(reader.payload, envelope) is Code.TRUNCATED


def test_objects_that_are_too_large_are_not_read(tmp_path: Path) -> None:
    volume = DirectoryVolume(tmp_path)
    write(volume)
    reader = PackageReader(volume, FOLDER)
    most = limits.MAX_ENVELOPE + limits.MAX_SIGN1_OVERHEAD
    (tmp_path / FOLDER / layout.ENVELOPE).write_bytes(bytes(most + 1))
    assert refused(reader.envelope) is Code.TOO_LARGE
    most = limits.MAX_MANIFEST + limits.MAX_SIGN_OVERHEAD
    (tmp_path / FOLDER / layout.MANIFEST).write_bytes(bytes(most + 1))
    assert refused(reader.manifest) is Code.TOO_LARGE
