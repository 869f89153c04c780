"""Measure what re-use of chunks saves on a stick: `make bench-reuse`.

Two pairs of releases of one size, in chunks of 64 KiB, of data that does not compress. In the first pair 5 %
of the chunks are new, scattered by a seed. In the second both are ext4 images as `mkfs.ext4 -d` makes them of
one folder, of which 5 % of the files were replaced: by files of the same size, and by files of another, which
moves the files behind them; this last once more in chunks of 4 KiB, as large as a block of ext4. A
device takes the first of each pair whole and the second by what is new. Bytes on the stick are those of the
package with all its files. Seconds are those of the whole commands, on a file as stick. Exits with 1
where a target is missed.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from media_format.package import list_packages
from media_format.volume import open_volume
from tests.system.workshop import DEVICE_ID, PRODUCT, Workshop
from tests.tools import require

_MIB: Final = 1024 * 1024
CHUNK: Final = 64 * 1024
BLOCK: Final = 4 * 1024
"""A block of ext4: files that move in the image move by these."""
NEW: Final = 0.05
"""The part of the chunks, or of the files, that is new."""
_MOST: Final = 0.06
"""The part of the image that may be on the stick where 5 % of the chunks are new."""
_SEED: Final = 17
_FULL: Final = 0.8
"""The part of an ext4 image that its files take."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """A package as it came to the device."""

    on_stick: int
    write: float
    apply: float


def write_noise(path: Path, size: int, seed: int) -> None:
    """A file that does not compress."""
    noise = random.Random(seed)
    with path.open("wb") as file:
        for begin in range(0, size, _MIB):
            file.write(noise.randbytes(min(_MIB, size - begin)))


def replace_chunks(path: Path, part: float) -> None:
    """Other noise in scattered chunks of an image."""
    chosen = random.Random(_SEED)
    count = path.stat().st_size // CHUNK
    with path.open("r+b") as file:
        for number in chosen.sample(range(count), round(count * part)):
            file.seek(number * CHUNK)
            file.write(chosen.randbytes(CHUNK))


def write_files(folder: Path, size: int) -> None:
    """A folder of files of many sizes, from a few bytes to 4 MiB, 1 MiB on average at most."""
    noise = random.Random(_SEED)
    while size > 0:
        name = folder / f"{noise.randrange(64):02}" / f"{noise.getrandbits(64):016x}"
        length = min(size, int(noise.lognormvariate(11, 2)) + 1, 4 * _MIB)
        name.parent.mkdir(exist_ok=True)
        name.write_bytes(noise.randbytes(length))
        size -= length


def replace_files(folder: Path, part: float, *, resized: bool) -> None:
    """Other content in some of the files, as long as before or of another length."""
    noise = random.Random(_SEED)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in noise.sample(files, round(len(files) * part)):
        length = path.stat().st_size
        path.write_bytes(noise.randbytes(int(length * noise.uniform(0.8, 1.2)) if resized else length))


def make_ext4(image: Path, folder: Path, size: int) -> None:
    """An ext4 image of a folder, the same for the same folder."""
    image.unlink(missing_ok=True)
    uuid = "01234567-89ab-cdef-0123-456789abcdef"
    options = (
        "-q",
        "-F",
        "-b",
        str(BLOCK),
        "-E",
        f"hash_seed={uuid},lazy_itable_init=0",
        "-U",
        uuid,
        "-d",
        str(folder),
    )
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (0, 0))
    subprocess.run(
        [require("mkfs.ext4"), *options, str(image), f"{size // 1024}k"],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1", "E2FSPROGS_FAKE_TIME": "1"},
    )


class Bench:
    """A vendor, a box and a device, which is updated again and again."""

    def __init__(self, folder: Path, size: int) -> None:
        self.workshop = Workshop(folder)
        self._size = size
        self._versions = 0
        self.workshop.enrol(["rootfs"], size)

    @property
    def image(self) -> Path:
        """The image that is released next."""
        return self.workshop.path("image")

    def deliver(self, chunk: int = CHUNK) -> Delivered:
        """Release the image, bring it to the device, and see that it runs."""
        shop = self.workshop
        self._versions += 1
        self._release(chunk)
        stick = shop.stick("stick.img", self._size + self._size // 8 + 64 * _MIB)
        shop.on_the_device("request", stick)
        shop.at_home("box", "admit", "box", stick)
        write = _seconds(
            lambda: shop.at_home("box", "write", "box", stick, "--device", DEVICE_ID, *shop.pin())
        )
        found = Delivered(package_bytes(stick), write, _seconds(lambda: shop.on_the_device("apply", stick)))
        stick.unlink()
        shop.on_the_device("verify-boot")
        shop.on_the_device("confirm")
        bank = shop.banks("rootfs")[self._versions % 2]
        subprocess.run(["cmp", "-n", str(self._size), self.image, bank], check=True)
        return found

    def deliver_ext4(self, tree: Path, chunk: int = CHUNK) -> Delivered:
        """As `deliver`, with an ext4 image of a folder."""
        make_ext4(self.image, tree, self._size)
        return self.deliver(chunk)

    def _release(self, chunk: int) -> None:
        shop = self.workshop
        order = ("--product", PRODUCT, "--version", self._versions, "--for", "box.pem", "--out", "release")
        what = ("--component", f"rootfs={self.image}", "--chunk-size", chunk)
        shop.at_home("vendor", "release", "vendor", *order, *what, *shop.passphrase())
        shop.at_home("box", "import", "box", "release", *shop.pin())
        shutil.rmtree(shop.path("release"))


def package_bytes(stick: Path) -> int:
    """Bytes of all files of the one package on a stick."""
    volume = open_volume(stick, writable=False)
    try:
        (folder,) = list_packages(volume)
        return sum(entry.size for entry in volume.list(folder))
    finally:
        volume.close()


def _seconds(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _tell(name: str, found: Delivered, size: int) -> float:
    part = found.on_stick / size
    print(
        f"{name:44} {100 * part:6.2f} % of the image on the stick,"
        f" box write {found.write:5.1f} s, device apply {found.apply:5.1f} s",
        flush=True,
    )
    return part


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--size", type=int, default=1024, help="MiB of the images (default: 1024)")
    options.add_argument("--folder", type=Path, help="where everything is made (default: the system's)")
    chosen = options.parse_args()
    size = chosen.size * _MIB
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        bench = Bench(Path(name), size)
        write_noise(bench.image, size, _SEED)
        _tell("everything", bench.deliver(), size)
        replace_chunks(bench.image, NEW)
        scattered = _tell("5 % of the chunks are new", bench.deliver(), size)
        tree = Path(name, "tree")
        tree.mkdir()
        write_files(tree, int(size * _FULL))
        _tell("an ext4 image, everything", bench.deliver_ext4(tree), size)
        replace_files(tree, NEW, resized=False)
        _tell("5 % of its files are new, of the same size", bench.deliver_ext4(tree), size)
        replace_files(tree, NEW, resized=True)
        _tell("5 % of its files are new, of another size", bench.deliver_ext4(tree), size)
        bench.deliver_ext4(tree, BLOCK)
        replace_files(tree, NEW, resized=True)
        _tell("the same in chunks of 4 KiB", bench.deliver_ext4(tree, BLOCK), size)
        shutil.rmtree(tree)
    print(
        f"on the stick where 5 % of the chunks are new: {100 * scattered:.2f} % (at most {100 * _MOST:g} %)"
    )
    return int(scattered > _MOST)


if __name__ == "__main__":
    sys.exit(main())
