"""Firmware that nobody here wrote, through the whole loop by the command line."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from media_format import layout
from media_format.volume import Volume, open_volume
from tests.system.workshop import DEVICE_ID, Workshop
from tests.tools import require, require_firmware

pytestmark = pytest.mark.xdist_group("real firmware")  # one worker makes the loop for all

SLOT_SIZE = 96 << 20
STICK_SIZE = 256 << 20
SLOTS = ("kernel", "boot", "rootfs")


@dataclass(frozen=True, slots=True)
class Loop:
    """A workshop whose device has installed the release, and what went into it."""

    workshop: Workshop
    images: dict[str, Path]

    @property
    def stick(self) -> Path:
        return self.workshop.path("stick.img")


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """Debian's kernel, U-Boot and a SquashFS of a directory of the system, on a stick and in the slots."""
    workshop = Workshop(tmp_path_factory.mktemp("real"))
    images = {
        "kernel": require_firmware("vmlinuz"),
        "boot": require_firmware("u-boot.bin"),
        "rootfs": squashed(Path("/usr/sbin"), workshop.path("rootfs.squashfs")),
    }
    workshop.enrol(SLOTS, SLOT_SIZE)
    workshop.release("2026.1", images)
    stick = workshop.stick("stick.img", STICK_SIZE)
    workshop.deliver(stick)
    workshop.on_the_device("apply", stick)
    return Loop(workshop, images)


def squashed(folder: Path, image: Path) -> Path:
    """A SquashFS of a folder, as mksquashfs makes it."""
    command = [require("mksquashfs"), str(folder), str(image), "-quiet", "-no-progress"]
    subprocess.run(command, check=True, capture_output=True)
    return image


def files_below(volume: Volume, folder: str = "") -> dict[str, int]:
    """The paths and sizes of all files on a volume."""
    found: dict[str, int] = {}
    for entry in volume.list(folder):
        path = layout.inside(folder, entry.name)
        found |= files_below(volume, path) if entry.folder else {path: entry.size}
    return found


@pytest.mark.parametrize("slot", SLOTS)
def test_a_slot_ends_byte_identical_to_what_the_vendor_had(loop: Loop, slot: str) -> None:
    image = loop.images[slot].read_bytes()
    with loop.workshop.banks(slot)[1].open("rb") as bank:
        assert hashlib.sha256(bank.read(len(image))).digest() == hashlib.sha256(image).digest()


def test_the_bank_that_runs_is_untouched(loop: Loop) -> None:
    for slot in SLOTS:
        assert loop.workshop.banks(slot)[0].stat().st_blocks == 0


def test_the_squashfs_in_the_slot_unpacks(loop: Loop, tmp_path: Path) -> None:
    command = [require("unsquashfs"), "-quiet", "-no-progress", "-d", str(tmp_path / "files")]
    subprocess.run([*command, str(loop.workshop.banks("rootfs")[1])], check=True, capture_output=True)
    assert {path.name for path in (tmp_path / "files").iterdir()} == {
        path.name for path in Path("/usr/sbin").iterdir()
    }


def test_mtools_reads_every_file_on_the_stick_as_our_reader_does(loop: Loop, tmp_path: Path) -> None:
    subprocess.run(
        [require("mcopy"), "-s", "-i", loop.stick, "::*", tmp_path], check=True, capture_output=True
    )
    volume = open_volume(loop.stick, writable=False)
    try:
        found = files_below(volume)
        for path, size in found.items():
            assert (tmp_path / path).read_bytes() == volume.read_run(path, 0, size), path
    finally:
        volume.close()
    copied = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert copied == set(found)


def test_the_stick_holds_package_receipt_and_request(loop: Loop) -> None:
    volume = open_volume(loop.stick, writable=False)
    try:
        found = files_below(volume)
    finally:
        volume.close()
    folders = {path.rpartition("/")[0] for path in found}
    assert {layout.REQUESTS, layout.RECEIPTS, layout.TRUST} < folders
    payload = sum(size for path, size in found.items() if Path(path).stem == "PAYLOAD")
    assert payload > max(image.stat().st_size for image in loop.images.values())


def test_the_stick_is_in_order(loop: Loop) -> None:
    checked = subprocess.run(
        [require("fsck.fat"), "-n", loop.stick], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout


def test_the_box_reads_the_receipt(loop: Loop) -> None:
    (found,) = loop.workshop.at_home("box", "collect", "box", loop.stick)["receipts"]
    receipt = found["receipt"]
    assert (receipt["device_id"], receipt["outcome"], receipt["version_after"]) == (
        DEVICE_ID,
        "installed",
        "2026.1",
    )
