"""A vendor, boxes and devices in a folder, with images of a few chunks, each made by the roles' own code."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from unittest import mock

from appliance.box import BoxService, Session
from appliance.device import ApplyResult, Device, DeviceConfiguration, PackageResult
from appliance.device.storage import Storage
from appliance.trust.bundle import Bundle
from appliance.vendor import Built, ComponentSource, ReleaseOrder, Vendor
from appliance.vendor.service import DEFAULT_POLICY
from media_format.objects import ComponentKind, Mode, Outcome, Policy, Role
from media_format.progress import silent
from media_format.volume.directory import DirectoryVolume
from media_format.volume.seam import Volume

NOW = int(time.time()) - 3600
PRODUCT, LINE, HARDWARE = "pump", "stable", "rev-b"
PASSPHRASE = "correct horse battery"
PIN = "271828"
TPM = "soft-in-process:tpm"
"""Keys in the tests' own process: hundreds of boxes and devices are made here, and copied with their keys."""
CHUNK = 4096
SLOT_SIZE = 64 * CHUNK
ALL_MODES = replace(DEFAULT_POLICY, modes=(Mode.SEALED, Mode.SHARED, Mode.SIGNED))


def now() -> int:
    """What the vendor and the TPMs are told, an hour behind the system clock that boxes and devices ask."""
    return NOW


def make_image(seed: str, chunks: int = 5) -> bytes:
    """Bytes of all kinds: random, zeros, text, a repeat, and a last chunk that is not full."""
    noise = random.Random(seed)
    first = noise.randbytes(CHUNK)
    middle = [noise.randbytes(CHUNK) for _ in range(max(0, chunks - 4))]
    text = (f"version {seed} ".encode() * CHUNK)[:CHUNK]
    return b"".join([first, bytes(CHUNK), text, *middle, first, noise.randbytes(100)])


@dataclass
class Workshop:
    """The vendor `acme` and what it made, below `folder`."""

    folder: Path
    policy: Policy = DEFAULT_POLICY
    vendor: Vendor = field(init=False)
    boxes: dict[str, Bundle] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.vendor = Vendor.create(self.folder / "vendor", "Acme", PASSPHRASE, now, self.policy)

    def box(self, name: str = "box-1") -> Box:
        """A new box with a supervisor, enrolled."""
        folder = self.folder / name
        request = BoxService.create(folder, name, "chief", PIN, tpm=TPM, now=now)
        bundle = self.vendor.enrol(Role.BOX, request).bundle
        self.boxes[name] = bundle
        service = BoxService.open(folder, now=now)
        service.install_certificates(bundle)
        return Box(folder, service, service.unlock("chief", PIN))

    def reopened(self, box: Box) -> Box:
        """A box as the next program finds it."""
        service = BoxService.open(box.folder, now=now)
        return Box(box.folder, service, service.unlock("chief", PIN))

    def device(
        self,
        name: str = "pump-17",
        *,
        slots: tuple[str, ...] = ("rootfs",),
        storage: Storage | None = None,
        epoch: int = 1,
    ) -> Device:
        """A new device, enrolled; its banks are files of `SLOT_SIZE` bytes."""
        folder = self.folder / f"{name}-{epoch}"
        banks = {slot: (Path(f"slots/{slot}.a"), Path(f"slots/{slot}.b")) for slot in slots}
        configuration = DeviceConfiguration(
            id=name, product=PRODUCT, line=LINE, hardware=HARDWARE, slots=banks, epoch=epoch, tpm=TPM
        )
        device = Device.create(folder, configuration, now, slot_size=SLOT_SIZE, storage=storage)
        device.install_certificates(self.vendor.enrol(Role.DEVICE, device.enrolment()).bundle)
        return device

    def device_folder(self, name: str = "pump-17", epoch: int = 1) -> Path:
        """The state directory of a device."""
        return self.folder / f"{name}-{epoch}"

    def order(self, version: str, images: dict[str, bytes] | None = None, **changes: object) -> ReleaseOrder:
        """An order for a release; a slot called `hook` gets a hook."""
        images = images or {"rootfs": make_image(version)}
        sources = tuple(self._source(version, slot, data) for slot, data in images.items())
        order = ReleaseOrder(
            product=PRODUCT,
            line=LINE,
            version=version,
            components=sources,
            boxes=tuple(self.boxes.values()),
            hardware=(HARDWARE,),
            chunk_size=CHUNK,
            segment_size=64 * 1024,
        )
        return replace(order, **changes)  # type: ignore[arg-type]

    def _source(self, version: str, slot: str, data: bytes) -> ComponentSource:
        path = self.folder / f"{version}-{slot}.img"
        path.write_bytes(data)
        kind = ComponentKind.HOOK if slot == "hook" else ComponentKind.IMAGE
        return ComponentSource(slot=slot, path=path, name=slot, kind=kind)

    def release(self, version: str, images: dict[str, bytes] | None = None, **changes: object) -> Release:
        """A release for all boxes there are, in a directory of its own."""
        folder = self.folder / f"release-{version}"
        folder.mkdir()
        with volume_in(folder) as volume:
            built = self.vendor.release(volume, self.order(version, images, **changes), silent)
        return Release(folder, built)

    def medium(self, name: str = "stick") -> Path:
        """An empty medium: a directory, as the system mounts one."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return folder


@dataclass(frozen=True)
class Release:
    """A release that a vendor built."""

    folder: Path
    built: Built

    @property
    def package(self) -> Path:
        """The folder of the package."""
        return self.folder / self.built.folder


@dataclass(frozen=True)
class Box:
    """A box with its supervisor's session."""

    folder: Path
    service: BoxService
    session: Session

    def take(self, release: Release) -> None:
        """Import a release."""
        self.service.import_release(release.folder, self.session, silent)

    def write(self, medium: Path, *devices: str, mode: Mode = Mode.SEALED) -> None:
        """Admit the requests on a medium and answer them."""
        self.service.admit(medium)
        self.service.write(medium, devices, self.session, silent, mode=mode)

    def write_anyway(self, medium: Path, *devices: str) -> None:
        """As `write`, by a subverted box: it does not care whether a release fits a device's slots."""
        rules = "appliance.box.offering"
        with mock.patch(f"{rules}.judge_regions"), mock.patch(f"{rules}.judge_space"):
            self.write(medium, *devices)


@contextmanager
def volume_in(folder: Path) -> Iterator[Volume]:
    """The volume of a mounted medium."""
    volume = DirectoryVolume(folder)
    try:
        yield volume
    finally:
        volume.close()


def ask(device: Device, medium: Path) -> None:
    """Let a device write its request."""
    with volume_in(medium) as volume:
        device.write_request(volume)


def apply(device: Device, medium: Path, *, retry: bool = False, dry_run: bool = False) -> ApplyResult:
    """Put a medium into a device."""
    with volume_in(medium) as volume:
        return device.apply(volume, retry=retry, dry_run=dry_run)


def only(result: ApplyResult) -> PackageResult:
    """What became of the one package on a medium."""
    (package,) = result.packages
    return package


def update(device: Device, medium: Path) -> None:
    """Install what is on a medium, boot it, confirm it, report."""
    outcomes = [package.outcome for package in apply(device, medium).packages]
    assert Outcome.INSTALLED in outcomes, outcomes
    device.verify_boot()
    device.confirm()
    apply(device, medium)


def delivered(shop: Workshop, box: Box, device: Device, version: str, medium: Path) -> Release:
    """Release a version and bring it onto a medium for a device."""
    release = shop.release(version)
    box.take(release)
    ask(device, medium)
    box.write(medium, device.configuration.id)
    return release


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


Act = Callable[[], object]
