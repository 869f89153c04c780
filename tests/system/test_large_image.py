"""A component larger than FAT's largest file, end to end, in little memory."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes

from media_format import layout
from media_format.package import list_packages
from media_format.volume import open_volume
from tests.system.memory import Measured, measured
from tests.system.workshop import DEVICE_ID, PRODUCT, Workshop, answer

pytestmark = pytest.mark.serial

MIB = 1 << 20
GIB = 1 << 30
SIZE = 4 * GIB + 512 * MIB
STICK_SIZE = 5 * GIB
MEMORY = 192 * MIB
"""What `box write` and `device apply` may take, each with all its processes."""
RUN = 8 * MIB


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """A workshop that leaves no gigabytes behind."""
    yield Workshop(tmp_path)
    shutil.rmtree(tmp_path)


def test_a_component_of_4_5_gib_is_installed_in_little_memory(
    workshop: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    workshop.enrol(["rootfs"], SIZE)
    release(workshop)
    stick = workshop.stick("stick.img", STICK_SIZE)
    workshop.on_the_device("request", stick)
    workshop.at_home("box", "admit", "box", stick)

    written = run(workshop, "box", "write", "box", stick, "--device", DEVICE_ID, *workshop.pin())
    shutil.rmtree(workshop.path("box"))
    assert segments(stick) == {f"PAYLOAD.{number:03d}" for number in range(5)}
    applied = run(workshop, "device", "apply", "device", stick)
    stick.unlink()

    assert holds_the_stream(workshop.banks("rootfs")[1])
    with capsys.disabled():
        for verb, run_ in (("box write", written), ("device apply", applied)):
            print(f"\n{verb} of 4.5 GiB: {run_.peak / MIB:.0f} MiB of memory at most", file=sys.stderr)
    assert max(written.peak, applied.peak) < MEMORY


def release(workshop: Workshop) -> None:
    """The box has a release with the large image. The image and the vendor's package are gone again."""
    image = workshop.path("image")
    write_stream(image)
    order = ("--product", PRODUCT, "--version", "1", "--component", "rootfs=image", "--for", "box.pem")
    workshop.at_home("vendor", "release", "vendor", *order, "--out", "release", *workshop.passphrase())
    image.unlink()
    workshop.at_home("box", "import", "box", "release", *workshop.pin())
    shutil.rmtree(workshop.path("release"))


def run(workshop: Workshop, *words: object) -> Measured:
    """A verb that succeeds, and the memory it took."""
    found = measured(workshop.command(*words), workshop.folder)
    answer(found.done)
    assert found.looks > 10
    return found


def segments(stick: Path) -> set[str]:
    """The payload's files in the one package on a stick."""
    volume = open_volume(stick, writable=False)
    try:
        (folder,) = list_packages(volume)
        names = {entry.name for entry in volume.list(folder)}
    finally:
        volume.close()
    return names - {layout.MANIFEST, layout.CHUNKS, layout.ENVELOPE}


def stream() -> CipherContext:
    """A seeded stream that does not compress: what a stream cipher makes of zeros."""
    return Cipher(algorithms.AES(b"seed of a stream"), modes.CTR(bytes(16))).encryptor()


def write_stream(path: Path) -> None:
    cipher, zeros, run = stream(), bytes(RUN), bytearray(RUN)
    with path.open("xb", buffering=0) as file:
        for _ in range(SIZE // RUN):
            cipher.update_into(zeros, run)
            file.write(run)


def holds_the_stream(path: Path) -> bool:
    """Whether a file is the stream: the cipher undoes itself, so that zeros must come out."""
    cipher, zeros, found, run = stream(), bytes(RUN), bytearray(RUN), bytearray(RUN)
    with path.open("rb", buffering=0) as file:
        for _ in range(SIZE // RUN):
            if file.readinto(found) != RUN:
                return False
            cipher.update_into(found, run)
            if run != zeros:
                return False
        return file.read(1) == b""
