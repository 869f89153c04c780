"""The demo's workshop: a vendor, a box, two devices and a stick, each through its role's own facade."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from appliance.box import BoxService, Session
from appliance.cli.clock import now
from appliance.cli.demo.firmware import require_tool, run
from appliance.device import Device, DeviceConfiguration
from appliance.media import open_medium
from appliance.trust.bundle import Bundle
from appliance.vendor import Built, ComponentSource, ReleaseOrder, Vendor
from media_format.durable import replace_file
from media_format.objects import Role
from media_format.progress import Progress, Report
from media_format.refusal import Code, Refusal
from media_format.volume import Volume, open_volume

T = TypeVar("T")

PRODUCT: Final = "infusion-pump"
LINE: Final = "main"
HARDWARE: Final = "rev-c"
PASSPHRASE: Final = "demo passphrase, not a secret"
PIN: Final = "271828"
SUPERVISOR: Final = "supervisor"


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of the demo, as summary.json lists it."""

    name: str
    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Attack:
    """Something that must be refused, and what it was refused with."""

    name: str
    code: Code
    detail: str


@dataclass(slots=True)
class Workshop:
    """Everything the demo works with, below `folder`."""

    folder: Path
    report: Report
    say: Callable[[str], None]
    phases: list[Phase] = field(default_factory=list)
    attacks: list[Attack] = field(default_factory=list)

    @property
    def stick(self) -> Path:
        """The stick's image."""
        return self.folder / "media/stick.img"

    @property
    def box_folder(self) -> Path:
        """The box's directory."""
        return self.folder / "box"

    @contextmanager
    def phase(self, name: str, size: int = 0) -> Iterator[None]:
        """Time a step and say that it is done."""
        began = time.monotonic()
        yield
        seconds = time.monotonic() - began
        self.phases.append(Phase(name, round(seconds, 3), size))
        self.say(f"{seconds:7.1f} s  {name}")

    def expect_refusal(self, name: str, act: Callable[[], Code | None]) -> None:
        """Mount an attack; RuntimeError if it is not refused."""
        try:
            code, detail = act(), ""
        except Refusal as refusal:
            code, detail = refusal.code, refusal.detail
        if code is None:
            raise RuntimeError(f"{name}: this should have been refused")
        self.attacks.append(Attack(name, code, detail))
        self.say(f"           refused: {name} ({code})")


def make_stick(path: Path, size: int) -> None:
    """A FAT32 image as large as a stick must be."""
    tool = require_tool("mkfs.fat", "dosfstools")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as image:
        image.truncate(size)
    run([tool, "-F", "32", "-n", "UPDATES", str(path)])


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


def make_box(folder: Path, vendor: Vendor) -> tuple[BoxService, Session, Bundle]:
    """An enrolled box with its supervisor."""
    replace_file(folder / "box.pin", f"{PIN}\n".encode())
    request = BoxService.create(folder / "box", "BOX-DEMO", SUPERVISOR, PIN, now=now)
    bundle = vendor.enrol(Role.BOX, request).bundle
    replace_file(folder / "box.pem", bundle.to_pem(), 0o644)
    service = BoxService.open(folder / "box", now=now)
    service.install_certificates(bundle)
    return service, service.unlock(SUPERVISOR, PIN), bundle


def make_device(folder: Path, device_id: str, vendor: Vendor, slot_size: int) -> Device:
    """An enrolled device with one slot of two banks."""
    banks = (Path("slots/rootfs.a"), Path("slots/rootfs.b"))
    configuration = DeviceConfiguration(
        id=device_id, product=PRODUCT, line=LINE, hardware=HARDWARE, slots={"rootfs": banks}
    )
    device = Device.create(folder, configuration, now, slot_size=slot_size)
    device.install_certificates(vendor.enrol(Role.DEVICE, device.enrolment()).bundle)
    return device


def build_release(
    shop: Workshop, vendor: Vendor, boxes: tuple[Bundle, ...], image: Path, version: str, notes: str
) -> tuple[Built, Path]:
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
        return vendor.release(volume, order, shop.report), out
    finally:
        volume.close()


def copy_stick(source: Path, name: str) -> Path:
    """A second stick with the same contents, as an attacker makes one."""
    target = source.with_name(name)
    run(["cp", "--sparse=always", str(source), str(target)])
    return target


def silent(_: Progress) -> None:
    """Reports to nobody."""


def clear(folder: Path) -> None:
    """Remove what an earlier demo left in `folder`."""
    for name in ("vendor", "box", "device", "device-2", "media", "releases", "firmware"):
        shutil.rmtree(folder / name, ignore_errors=True)
