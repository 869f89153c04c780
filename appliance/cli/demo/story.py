"""The demo's story: two devices, one stick, an upgrade, attacks, receipts."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.box import BoxService, ReceiptInfo, Session
from appliance.cli.demo.firmware import make_image
from appliance.cli.demo.workshop import (
    Workshop,
    build_release,
    copy_stick,
    make_box,
    make_device,
    make_stick,
    make_vendor,
    mounted,
)
from appliance.device import ApplyResult, Device
from appliance.trust.bundle import Bundle
from appliance.vendor import Vendor
from media_format import layout
from media_format.objects import Outcome
from media_format.package import list_packages
from media_format.refusal import Code

VERSIONS: Final = ("1.0.0", "1.1.0", "1.2.0")
FIRST, SECOND = "PUMP-0001", "PUMP-0002"
_ROOM: Final = 64 * 1024 * 1024


@dataclass(slots=True)
class Cast:
    """Who plays."""

    vendor: Vendor
    box: BoxService
    session: Session
    bundle: Bundle
    first: Device
    second: Device


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What the story came to."""

    before: str | None
    after: str | None
    receipts: tuple[ReceiptInfo, ...]


def play(shop: Workshop, firmware: Path | None, size: int) -> Outcomes:
    """From nothing to two updated devices and their receipts at the box."""
    images = _images(shop, firmware, size)
    cast = _enrol(shop, max(image.stat().st_size for image in images))
    make_stick(shop.stick, 6 * max(image.stat().st_size for image in images) + _ROOM)
    _release(shop, cast, images[0], VERSIONS[0], "First release.")
    _ask(shop, cast, (cast.first, cast.second))
    _write(shop, cast, (FIRST, SECOND))
    old_stick = copy_stick(shop.stick, "old-stick.img")
    for device in (cast.first, cast.second):
        _install(shop, device, shop.stick)
    before = _version(cast.first)
    _collect(shop, cast)
    _release(shop, cast, images[1], VERSIONS[1], "Fixes the occlusion alarm.")
    _clean(shop)
    _ask(shop, cast, (cast.first,))
    _write(shop, cast, (FIRST,))
    _attack(shop, cast, old_stick)
    _install(shop, cast.first, shop.stick)
    _collect(shop, cast)
    _attack_box(shop, cast)
    _release(shop, cast, images[2], VERSIONS[2], "Waits in the box for you: try the kiosk.")
    _clean(shop)
    _ask(shop, cast, (cast.first, cast.second))
    return Outcomes(before, _version(cast.first), cast.box.receipts())


def _images(shop: Workshop, firmware: Path | None, size: int) -> list[Path]:
    folder = shop.folder / "firmware"
    folder.mkdir(parents=True, exist_ok=True)
    images = [folder / f"rootfs-{version}.img" for version in VERSIONS]
    with shop.phase("firmware images made", size * len(images)):
        for image, version in zip(images, VERSIONS, strict=True):
            if firmware is None:
                make_image(image, size, version)
            else:
                shutil.copyfile(firmware, image)
                with image.open("ab") as file:
                    file.write(f"version {version}\n".encode().ljust(4096, b"\0"))
    return images


def _enrol(shop: Workshop, slot_size: int) -> Cast:
    with shop.phase("vendor, box and two devices enrolled"):
        vendor = make_vendor(shop.folder)
        box, session, bundle = make_box(shop.folder, vendor)
        first = make_device(shop.folder / "device", FIRST, vendor, slot_size)
        second = make_device(shop.folder / "device-2", SECOND, vendor, slot_size)
    return Cast(vendor, box, session, bundle, first, second)


def _release(shop: Workshop, cast: Cast, image: Path, version: str, notes: str) -> None:
    size = image.stat().st_size
    with shop.phase(f"release {version} signed and sealed for the box", size):
        _, folder = build_release(shop, cast.vendor, (cast.bundle,), image, version, notes)
    with shop.phase(f"release {version} verified and imported by the box", size):
        cast.box.import_release(folder, cast.session, shop.report)


def _ask(shop: Workshop, cast: Cast, devices: tuple[Device, ...]) -> None:
    with shop.phase(f"{len(devices)} signed request(s) on the stick"), mounted(shop.stick) as volume:
        for device in devices:
            device.write_request(volume)


def _write(shop: Workshop, cast: Cast, devices: tuple[str, ...]) -> None:
    with shop.phase(f"requests judged; package(s) for {', '.join(devices)} written and read back"):
        cast.box.admit(shop.stick)
        result = cast.box.write(shop.stick, devices, cast.session, shop.report)
    for package in result.packages:
        shop.say(
            f"           {package.size:,} bytes for {package.devices[0]}, read back ({package.read_back})"
        )


def _install(shop: Workshop, device: Device, stick: Path) -> None:
    status = device.status()
    with shop.phase(f"{status.id} checked, installed and confirmed"):
        with mounted(stick) as volume:
            result = device.apply(volume, report=shop.report)
        _must_be_installed(result)
        device.verify_boot()
        device.confirm()
        with mounted(stick) as volume:
            device.apply(volume, report=shop.report)


def _must_be_installed(result: ApplyResult) -> None:
    if not any(package.outcome is Outcome.INSTALLED for package in result.packages):
        raise RuntimeError(f"nothing was installed: {result}")


def _refused(device: Device, stick: Path) -> Code | None:
    """What a device says to a stick; None if it installed something."""
    with mounted(stick) as volume:
        result = device.apply(volume, retry=True)
    if any(package.outcome is Outcome.INSTALLED for package in result.packages):
        return None
    return next((package.code for package in result.packages if package.code is not None), None)


def _attack(shop: Workshop, cast: Cast, old_stick: Path) -> None:
    foreign = copy_stick(shop.stick, "attack-other-device.img")
    shop.expect_refusal(f"the package of {FIRST} put into {SECOND}", lambda: _refused(cast.second, foreign))
    shop.expect_refusal("an older stick put in again", lambda: _refused(cast.first, old_stick))
    flipped = copy_stick(shop.stick, "attack-flipped-byte.img")
    _flip_payload(flipped)
    shop.expect_refusal("one byte of the payload flipped", lambda: _refused(cast.first, flipped))
    for stick in (foreign, flipped, old_stick):
        stick.unlink()


def _attack_box(shop: Workshop, cast: Cast) -> None:
    oldest = min(cast.box.releases(), key=lambda release: release.index)

    def write_older() -> None:
        cast.box.admit(shop.stick)
        cast.box.write(shop.stick, (FIRST,), cast.session, shop.report, release=oldest.manifest_digest)

    shop.expect_refusal(f"an older release ({oldest.version}) asked of the box", write_older)


def _flip_payload(stick: Path) -> None:
    """Change one byte in the middle of the payload, wherever it stands in the image."""
    with mounted(stick) as volume:
        folder = list_packages(volume)[-1]
        middle = volume.read_run(f"{folder}/{layout.segment(0)}", 65536, 64)
    data = stick.read_bytes()
    place = data.index(middle)
    with stick.open("r+b") as image:
        image.seek(place)
        image.write(bytes([middle[0] ^ 1]))


def _collect(shop: Workshop, cast: Cast) -> None:
    with shop.phase("receipts collected by the box"):
        for found in cast.box.collect(shop.stick):
            if found.refusal is not None:
                raise RuntimeError(f"a receipt was refused: {found.detail}")


def _clean(shop: Workshop) -> None:
    """Make room: a fresh stick, as a technician would format one."""
    make_stick(shop.stick, shop.stick.stat().st_size)


def _version(device: Device) -> str | None:
    return device.status().version
