"""The demo's workshop: a vendor, a box, two devices and media, each through its role's own facade."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from appliance.box import BoxService, Session
from appliance.cli.clock import now
from appliance.cli.demo.firmware import require_tool, run
from appliance.device import Device, DeviceConfiguration, WatchSettings
from appliance.media import open_medium
from appliance.trust.bundle import Bundle
from appliance.vendor import ComponentSource, ReleaseOrder, Vendor
from media_format.durable import replace_file
from media_format.objects import Role
from media_format.progress import Report
from media_format.volume import Volume, open_volume

PRODUCT: Final = "infusion-pump"
LINE: Final = "main"
HARDWARE: Final = "rev-c"
PASSPHRASE: Final = "demo passphrase, not a secret"
PIN: Final = "271828"
SUPERVISOR: Final = "supervisor"
_MADE: Final = ("vendor", "box", "device", "device-2", "media", "port", "releases", "firmware")
_SUMMARY: Final = "summary.json"


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of the demo: `bytes` are those it read or wrote for its purpose."""

    name: str
    seconds: float
    bytes: int


@dataclass(slots=True)
class Step:
    """A step that is under way; whoever does it adds the bytes it moves."""

    bytes: int = 0


@dataclass(slots=True)
class Workshop:
    """Everything the demo works with, below `folder`."""

    folder: Path
    report: Report
    say: Callable[[str], None]
    phases: list[Phase] = field(default_factory=list)

    @property
    def stick(self) -> Path:
        """The stick: a FAT image."""
        return self.folder / "media/stick.img"

    @property
    def second_stick(self) -> Path:
        """Another stick, as a directory where a system has mounted it."""
        return self.folder / "media/stick-2"

    @property
    def port(self) -> Path:
        """Where media appear when they are plugged into the second device."""
        return self.folder / "port"

    @property
    def box_folder(self) -> Path:
        """The box's directory."""
        return self.folder / "box"

    @property
    def summary(self) -> Path:
        """What the demo came to, for programs."""
        return self.folder / _SUMMARY

    @contextmanager
    def phase(self, name: str) -> Iterator[Step]:
        """Time a step and say that it is done."""
        began, step = time.monotonic(), Step()
        yield step
        seconds = time.monotonic() - began
        self.phases.append(Phase(name, round(seconds, 3), step.bytes))
        self.say(f"{seconds:7.1f} s {step.bytes:>15,} bytes   {name}")


def make_stick(path: Path, size: int) -> None:
    """A FAT32 image of `size` bytes, in place of what was there."""
    tool = require_tool("mkfs.fat", "dosfstools")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as image:
        image.truncate(size)
    run([tool, "-F", "32", "-n", "UPDATES", str(path)])


def copy_stick(source: Path, name: str) -> Path:
    """A second stick with the same contents, as an attacker makes one."""
    target = source.with_name(name)
    run(["cp", "--sparse=always", str(source), str(target)])
    return target


@contextmanager
def mounted(path: Path) -> Iterator[Volume]:
    """The volume on a stick, as a device opens it."""
    volume = open_medium(path, writable=True)
    try:
        yield volume
    finally:
        volume.close()


def make_vendor(folder: Path) -> Vendor:
    """A vendor of the demo's name."""
    replace_file(folder / "vendor.passphrase", f"{PASSPHRASE}\n".encode())
    return Vendor.create(folder / "vendor", "Demo Medical Ltd", PASSPHRASE, now)


def make_box(shop: Workshop, vendor: Vendor, step: Step) -> tuple[BoxService, Session, Bundle]:
    """An enrolled box with its supervisor."""
    replace_file(shop.folder / "box.pin", f"{PIN}\n".encode())
    request = BoxService.create(shop.box_folder, "BOX-DEMO", SUPERVISOR, PIN, now=now)
    bundle = vendor.enrol(Role.BOX, request).bundle
    answer = bundle.to_pem()
    replace_file(shop.folder / "box.pem", answer, 0o644)
    service = BoxService.open(shop.box_folder, now=now)
    service.install_certificates(bundle)
    step.bytes += len(request) + len(answer)
    return service, service.unlock(SUPERVISOR, PIN), bundle


def make_device(
    folder: Path, device_id: str, vendor: Vendor, port: Path, slot_size: int, step: Step
) -> Device:
    """An enrolled device with one slot of two banks, which watches `port` and no real disk."""
    configuration = DeviceConfiguration(
        id=device_id,
        product=PRODUCT,
        line=LINE,
        hardware=HARDWARE,
        slots={"rootfs": (Path("slots/rootfs.a"), Path("slots/rootfs.b"))},
        watch=WatchSettings(udev=False, directories=(port.absolute(),)),
    )
    device = Device.create(folder, configuration, now, slot_size=slot_size)
    request = device.enrolment()
    bundle = vendor.enrol(Role.DEVICE, request).bundle
    device.install_certificates(bundle)
    step.bytes += len(request) + len(bundle.to_pem())
    return device


def build_release(
    shop: Workshop, vendor: Vendor, boxes: tuple[Bundle, ...], image: Path, version: str, notes: str
) -> Path:
    """Sign and seal a release into a directory of its own."""
    out = shop.folder / f"releases/{version}"
    out.mkdir(parents=True, exist_ok=True)
    order = ReleaseOrder(
        product=PRODUCT,
        line=LINE,
        version=version,
        components=(ComponentSource(slot="rootfs", path=image, name="rootfs"),),
        boxes=boxes,
        notes=notes,
    )
    volume = open_volume(out, writable=True)
    try:
        vendor.release(volume, order, shop.report)
    finally:
        volume.close()
    return out


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def clear(folder: Path) -> None:
    """Remove what an earlier demo left in `folder`."""
    for name in _MADE:
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / _SUMMARY).unlink(missing_ok=True)
