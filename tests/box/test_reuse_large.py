"""Images of many chunks: what is written of them, and that the device ends up with the right one."""

from __future__ import annotations

import random
from pathlib import Path

from appliance.device import Device, DeviceConfiguration
from benchmarks.reuse import CHUNK, NEW, replace_chunks, write_noise
from media_format import limits
from media_format.objects import Role
from tests.device.medium import packages
from tests.reuse import envelope
from tests.workshop import HARDWARE, LINE, PRODUCT, TPM, Box, Workshop, ask, now, update

SIZE = 32 * limits.MIB


def device(shop: Workshop) -> Device:
    """A device whose banks hold `SIZE` bytes."""
    banks = {"rootfs": (Path("a"), Path("b"))}
    configuration = DeviceConfiguration("large-1", PRODUCT, LINE, HARDWARE, banks, tpm=TPM)
    made = Device.create(shop.folder / "large", configuration, now, slot_size=SIZE)
    made.install_certificates(shop.vendor.enrol(Role.DEVICE, made.enrolment()).bundle)
    return made


def bring(shop: Workshop, box: Box, device: Device, version: str, image: bytes, chunk: int) -> Path:
    """The device runs a release of the image afterwards; returns the stick that brought it."""
    stick = shop.medium(version)
    box.take(shop.release(version, {"rootfs": image}, chunk_size=chunk, segment_size=limits.MIB))
    ask(device, stick)
    box.write(stick, "large-1")
    update(device, stick)
    return stick


def test_where_a_twentieth_of_the_chunks_is_new_less_than_6_percent_of_the_image_is_on_the_stick(
    tmp_path: Path,
) -> None:
    shop = Workshop(tmp_path)
    box, large, image = shop.box(), device(shop), tmp_path / "image"
    write_noise(image, SIZE, seed=1)
    bring(shop, box, large, "1.0", image.read_bytes(), CHUNK)
    replace_chunks(image, NEW)
    stick = bring(shop, box, large, "1.1", image.read_bytes(), CHUNK)
    (package,) = packages(stick)
    written = sum(path.stat().st_size for path in package.iterdir())
    assert NEW * SIZE < written < 0.06 * SIZE
    assert (shop.folder / "large/a").read_bytes() == image.read_bytes()


def test_pages_of_which_the_payload_holds_much_little_or_nothing_are_installed(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    box, large, chunk = shop.box(), device(shop), limits.MIN_CHUNK_SIZE
    noise = random.Random(2)
    base = bytearray(noise.randbytes(4 * limits.PAGE_CHUNKS * chunk - 5))
    bring(shop, box, large, "1.0", bytes(base), chunk)
    new = (0, 5, 6, *range(2100, 2900), 4095)
    for number in new:
        length = len(base[number * chunk : (number + 1) * chunk])
        base[number * chunk : number * chunk + length] = noise.randbytes(length)
    present = envelope(bring(shop, box, large, "1.1", bytes(base), chunk)).present
    assert present is not None
    assert [(run.first, run.count) for run in present.runs] == [(0, 1), (5, 2), (2100, 800), (4095, 1)]
    assert present.page_offsets == (0, 3 * chunk, 3 * chunk, 803 * chunk)
    assert (shop.folder / "large/a").read_bytes()[: len(base)] == base
