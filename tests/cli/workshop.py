"""A vendor, an update box, two devices and a stick below one folder, worked as people work them: by verbs.

A stage of their story is made once; each test gets a copy of it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from appliance.cli.main import main
from media_format.package import list_packages
from media_format.volume import Volume, open_volume
from tests.tools import require

PASSPHRASE = "correct horse battery"
PIN = "271828"
PRODUCT = "infusion-pump"
SLOT_SIZE = 512 * 1024
STICK_SIZE = 8 * 1024 * 1024
PROGRAM = Path(sys.executable).with_name("updatebox")


@dataclass(frozen=True)
class Said:
    """What a verb said, and how it ended."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """The one object on standard output."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


def run(*arguments: object) -> Said:
    """Run a verb in this process, through the program's own entry point."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


def run_program(*arguments: object, **options: Any) -> Said:
    """Run a verb as a user does: the installed program, in a process of its own."""
    done = subprocess.run(
        [str(PROGRAM), *map(str, arguments)], capture_output=True, text=True, timeout=60, **options
    )
    return Said(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Workshop:
    """Everybody's directories. `device` and `other` are two pumps of one kind; `stick` is a FAT image."""

    folder: Path

    @property
    def vendor(self) -> Path:
        return self.folder / "vendor"

    @property
    def box(self) -> Path:
        return self.folder / "box"

    @property
    def device(self) -> Path:
        return self.folder / "device"

    @property
    def other(self) -> Path:
        return self.folder / "other"

    @property
    def stick(self) -> Path:
        return self.folder / "stick.img"

    def copy(self, folder: Path) -> Workshop:
        """The same workshop in another folder."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Workshop(folder)

    def do(self, *arguments: object) -> dict[str, Any]:
        """Run a verb that succeeds; returns what it found."""
        said = run(*arguments, "--json")
        assert said.status == 0, said.err
        return said.data

    # Verbs with the secrets they need

    def passphrase(self) -> tuple[object, ...]:
        return "--passphrase-file", self.folder / "passphrase"

    def pin(self) -> tuple[object, ...]:
        return "--pin-file", self.folder / "pin"

    def release(self, version: str, *options: object, image: bytes | None = None) -> dict[str, Any]:
        """Make a release for the box and take it in; returns what the vendor said of it."""
        made = self.make_release(version, *options, image=image)
        self.do("box", "import", self.box, self.folder / version, *self.pin())
        return made

    def make_release(self, version: str, *options: object, image: bytes | None = None) -> dict[str, Any]:
        """Make a release into the folder that is named for the version."""
        source = self.folder / f"{version}.img"
        source.write_bytes(image if image is not None else firmware(version))
        arguments = ("--product", PRODUCT, "--version", version, "--component", f"rootfs={source}")
        made = self.do(
            *("vendor", "release", self.vendor, *arguments, "--for", self.folder / "box.pem"),
            *("--out", self.folder / version, *options, *self.passphrase()),
        )
        return dict(made["release"])

    def ask(self, device: Path | None = None, medium: Path | None = None) -> None:
        """The device's request goes onto the stick and is admitted by the box."""
        self.do("device", "request", device or self.device, medium or self.stick)
        self.do("box", "admit", self.box, medium or self.stick)

    def write(self, *options: object, device: str = "PUMP-1", medium: Path | None = None) -> None:
        """The box writes for a device."""
        where = medium or self.stick
        self.do("box", "write", self.box, where, "--device", device, *options, *self.pin())

    def install(self, device: Path | None = None, medium: Path | None = None) -> None:
        """The device installs what is on the stick, boots it and confirms it."""
        self.do("device", "apply", device or self.device, medium or self.stick)
        self.do("device", "verify-boot", device or self.device)
        self.do("device", "confirm", device or self.device)

    def release_digest(self, version: str) -> str:
        """The manifest digest of a release in the box."""
        found = self.do("box", "releases", self.box)["releases"]
        return next(str(entry["manifest_digest"]) for entry in found if entry["version"] == version)

    def reported(self, medium: Path | None = None) -> list[dict[str, Any]]:
        """What the box reads in the receipts on the stick, the oldest first."""
        found = self.do("box", "collect", self.box, medium or self.stick)["receipts"]
        return sorted((entry["receipt"] for entry in found), key=lambda receipt: receipt["counter"])

    def fresh_stick(self, name: str = "stick.img", size: int = STICK_SIZE) -> Path:
        """A formatted stick with somebody's photograph on it."""
        path = self.folder / name
        make_stick(path, size)
        with mounted(path) as volume:
            put(volume, "PHOTO.JPG", b"not ours" * 512)
        return path


def firmware(version: str, size: int = 200_000) -> bytes:
    """An image of two chunks and a half that is another one for each version, and does not compress away."""
    blocks = (hashlib.sha256(f"{version} {number}".encode()).digest() for number in range(size // 32))
    return b"".join(blocks)


def make_stick(path: Path, size: int = STICK_SIZE) -> None:
    """A stick as mkfs.fat makes it."""
    path.unlink(missing_ok=True)
    with path.open("xb") as image:
        image.truncate(size)
    subprocess.run([require("mkfs.fat"), "-n", "UPDATES", str(path)], check=True, capture_output=True)


@contextmanager
def mounted(path: Path) -> Iterator[Volume]:
    """The volume on a medium, as an attacker writes it."""
    volume = open_volume(path, writable=True)
    try:
        yield volume
    finally:
        volume.close()


def put(volume: Volume, path: str, data: bytes) -> None:
    """Write a file, in the place of the one that has the name."""
    folder, _, name = path.rpartition("/")
    if any(entry.name == name for entry in volume.list(folder)):
        volume.delete(path)
    ticket = volume.begin(path, len(data))
    volume.append(ticket, data)
    volume.commit(ticket)


def package_on(volume: Volume) -> str:
    """The folder of the one package on a medium."""
    (folder,) = list_packages(volume)
    return folder
