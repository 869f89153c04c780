"""What the kiosk's tests begin with: a box with two releases, two devices, sticks with their requests."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from appliance.box import BoxService
from appliance.device import Device
from media_format.progress import silent
from media_format.volume import open_volume
from media_format.volume.seam import Volume
from tests.tools import require
from tests.workshop import PIN, Workshop, now

FIRST, SECOND = "pump-17", "pump-18"
OLD, NEW = "1.0.0", "1.1.0"
WRONG_PIN = "314159"
USER = "chief"
_STICK = 16 * 1024 * 1024

__all__ = ["FIRST", "NEW", "OLD", "PIN", "SECOND", "USER", "WRONG_PIN", "Place", "build", "make_stick", "now"]


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with a box (which holds release NEW), devices, a release that the box lacks, and a stick."""

    folder: Path

    @property
    def box(self) -> Path:
        return self.folder / "box-1"

    @property
    def stick(self) -> Path:
        """A FAT image with requests of both devices."""
        return self.folder / "stick.img"

    @property
    def release(self) -> Path:
        """The directory of a release that the box does not hold yet."""
        return self.folder / "release-1.2.0"

    def service(self) -> BoxService:
        return BoxService.open(self.box, now=now)

    def device(self, name: str = FIRST) -> Device:
        return Device.open(self.folder / f"{name}-1", now)

    def new_stick(self, name: str, *devices: str) -> Path:
        """Another stick, with requests of these devices."""
        path = make_stick(self.folder / name)
        for device in devices:
            with mounted(path) as volume:
                self.device(device).write_request(volume)
        return path

    def new_directory(self, name: str, *devices: str) -> Path:
        """A medium that the system has mounted, with requests of these devices."""
        path = self.folder / name
        path.mkdir(parents=True)
        for device in devices:
            with mounted(path) as volume:
                self.device(device).write_request(volume)
        return path

    def installed(self, stick: Path, name: str = FIRST) -> str | None:
        """Put a stick into a device, start what it installed, and return what it runs then."""
        device = self.device(name)
        with mounted(stick) as volume:
            device.apply(volume)
        device.verify_boot()
        device.confirm()
        with mounted(stick) as volume:
            device.apply(volume)
        return device.status().version

    def copy(self, folder: Path) -> Place:
        """The same place elsewhere, for one test."""
        return Place(Path(shutil.copytree(self.folder, folder)))


def build(folder: Path) -> Place:
    """Make the place; takes about a second."""
    shop = Workshop(folder)
    box = shop.box("box-1")
    devices = [shop.device(FIRST), shop.device(SECOND)]
    for version in (OLD, NEW):
        box.take(shop.release(version, notes=f"Notes of {version}."))
    shop.release("1.2.0")
    place = Place(folder)
    make_stick(place.stick)
    for device in devices:
        with mounted(place.stick) as volume:
            device.write_request(volume)
    return place


def make_stick(path: Path) -> Path:
    """An empty FAT image."""
    with path.open("wb") as image:
        image.truncate(_STICK)
    subprocess.run([require("mkfs.fat"), "-F", "16", "-n", "UPDATES", path], check=True, capture_output=True)
    return path


@contextmanager
def mounted(path: Path) -> Iterator[Volume]:
    """The volume of a medium."""
    volume = open_volume(path, writable=True)
    try:
        yield volume
    finally:
        volume.close()


def import_release(place: Place) -> None:
    """Let the box take in the release that it lacks."""
    service = place.service()
    service.import_release(place.release, service.unlock(USER, PIN), silent)


def contents(path: Path) -> dict[str, bytes]:
    """Every file on a medium, by its path; without revocation lists, which writing may always leave."""
    with mounted(path) as volume:
        return {name: data for name, data in _files(volume, "") if not name.endswith(".CRL")}


def _files(volume: Volume, folder: str) -> Iterator[tuple[str, bytes]]:
    for entry in volume.list(folder):
        path = f"{folder}/{entry.name}".lstrip("/")
        if entry.folder:
            yield from _files(volume, path)
        else:
            yield path, volume.read_object(path, 1 << 24)


def check_file_system(stick: Path) -> None:
    """fsck.fat finds nothing to complain about."""
    done = subprocess.run([require("fsck.fat"), "-n", stick], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
