"""The demo's story: two devices, one stick, an upgrade, attacks, receipts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.box import BoxService, ReceiptInfo, Session
from appliance.cli.demo import attacks
from appliance.cli.demo.attacks import Attack
from appliance.cli.demo.firmware import copy_images, make_images
from appliance.cli.demo.workshop import (
    Workshop,
    build_release,
    copy_stick,
    make_box,
    make_device,
    make_stick,
    make_vendor,
    mounted,
    size_of,
)
from appliance.device import Device
from appliance.trust.bundle import Bundle
from appliance.vendor import Vendor
from media_format import layout
from media_format.errors import MachineFault
from media_format.objects import Outcome
from media_format.volume import Volume

OLD, NEW, NEXT = VERSIONS = ("1.0.0", "1.1.0", "1.2.0")
FIRST, SECOND = "PUMP-0001", "PUMP-0002"
_ROOM: Final = 64 * 1024 * 1024
"""What a stick holds besides two payloads: tables, requests, receipts, and enough clusters for FAT32."""


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
class Versions:
    """What a device ran before its last update and after it; None for what it left the factory with."""

    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What the story came to."""

    versions: dict[str, Versions]
    refusals: tuple[Attack, ...]
    receipts: tuple[ReceiptInfo, ...]


def play(shop: Workshop, firmware: Path | None, size: int) -> Outcomes:
    """From nothing to two updated devices and their receipts at the box."""
    images = _images(shop, firmware, size)
    largest = max(image.stat().st_size for image in images)
    cast = _enrol(shop, largest)
    versions = {}

    make_stick(shop.stick, 2 * largest + _ROOM)
    _release(shop, cast, images[0], OLD, "First release.")
    _ask(shop, cast.first, cast.second)
    _write(shop, cast, FIRST, SECOND)
    old_stick = copy_stick(shop.stick, "old-stick.img")
    versions[FIRST] = _install(shop, cast.first, images[0])
    versions[SECOND] = _install(shop, cast.second, images[0])
    _collect(shop, cast)

    _release(shop, cast, images[1], NEW, "Fixes the occlusion alarm.")
    make_stick(shop.stick, 2 * largest + _ROOM)
    _ask(shop, cast.first)
    _write(shop, cast, FIRST)
    refusals = _attack_before(shop, cast)
    versions[FIRST] = _install(shop, cast.first, images[1])
    _collect(shop, cast)
    refusals += _attack_after(shop, cast, old_stick)
    old_stick.unlink()

    _leave_work(shop, cast, images[2], largest)
    return Outcomes(versions, refusals, cast.box.receipts())


def _images(shop: Workshop, firmware: Path | None, size: int) -> tuple[Path, ...]:
    folder = shop.folder / "firmware"
    folder.mkdir()
    with shop.phase("firmware images made") as step:
        if firmware is None:
            images = make_images(folder, size, VERSIONS)
        else:
            images = copy_images(folder, firmware, VERSIONS)
        step.bytes += size_of(folder)
    return images


def _enrol(shop: Workshop, slot_size: int) -> Cast:
    shop.port.mkdir()
    with shop.phase("vendor, box and two devices enrolled") as step:
        vendor = make_vendor(shop.folder)
        box, session, bundle = make_box(shop, vendor, step)
        first, second = (
            make_device(shop.folder / folder, name, vendor, shop.port, slot_size, step)
            for folder, name in (("device", FIRST), ("device-2", SECOND))
        )
    return Cast(vendor, box, session, bundle, first, second)


def _release(shop: Workshop, cast: Cast, image: Path, version: str, notes: str) -> None:
    with shop.phase(f"release {version} signed by the vendor and sealed for the box") as step:
        folder = build_release(shop, cast.vendor, (cast.bundle,), image, version, notes)
        step.bytes += image.stat().st_size
    with shop.phase(f"release {version} verified and taken in by the box") as step:
        cast.box.import_release(folder, cast.session, shop.report)
        step.bytes += size_of(folder)


def _ask(shop: Workshop, *devices: Device) -> None:
    names = " and ".join(device.configuration.id for device in devices)
    with shop.phase(f"{names} asked: signed requests on the stick") as step, mounted(shop.stick) as volume:
        for device in devices:
            device.write_request(volume)
        step.bytes += _bytes_in(volume, layout.REQUESTS)


def _write(shop: Workshop, cast: Cast, *devices: str) -> None:
    names = " and ".join(devices)
    with shop.phase(f"box judged the requests, sealed for {names} alone, wrote and read back") as step:
        cast.box.admit(shop.stick)
        result = cast.box.write(shop.stick, devices, cast.session, shop.report)
        step.bytes += sum(package.size for package in result.packages)


def _install(shop: Workshop, device: Device, image: Path) -> Versions:
    """Install, boot, confirm, and leave the receipts on the stick."""
    before, name = device.status().version, device.configuration.id
    with (
        shop.phase(f"{name} checked, installed, booted and confirmed") as step,
        mounted(shop.stick) as volume,
    ):
        result = device.apply(volume, report=shop.report)
        if not any(package.outcome is Outcome.INSTALLED for package in result.packages):
            raise MachineFault(f"{name} installed nothing: {result.packages}")
        device.verify_boot()
        device.confirm()
        device.write_request(volume)
        step.bytes += image.stat().st_size
    return Versions(before, device.status().version)


def _collect(shop: Workshop, cast: Cast) -> None:
    with shop.phase("box collected the receipts") as step:
        for found in cast.box.collect(shop.stick):
            if found.refusal is not None:
                raise MachineFault(f"a receipt was refused: {found.refusal}: {found.detail}")
        with mounted(shop.stick) as volume:
            step.bytes += _bytes_in(volume, layout.RECEIPTS)


def _attack_before(shop: Workshop, cast: Cast) -> tuple[Attack, ...]:
    """While the stick with the upgrade waits to be installed."""
    with shop.phase("two attacks on devices refused") as step:
        step.bytes += 2 * _allocated(shop.stick)
        return (
            attacks.foreign_package(shop, f"the stick of {FIRST} put into {SECOND}", cast.second),
            attacks.flipped_byte(shop, f"one byte of the firmware on {FIRST}'s stick changed", cast.first),
        )


def _attack_after(shop: Workshop, cast: Cast, old_stick: Path) -> tuple[Attack, ...]:
    """After the upgrade: two ways back to the old release."""
    with shop.phase(f"two attempts to return to {OLD} refused") as step:
        step.bytes += _allocated(old_stick)
        cast.box.admit(shop.stick)
        back = f"to take {FIRST} back to {OLD}"
        return (
            attacks.old_stick(shop, f"the first stick put in again {back}", old_stick, cast.first),
            attacks.old_release(shop, f"the box asked {back}", cast.box, cast.session, FIRST),
        )


def _leave_work(shop: Workshop, cast: Cast, image: Path, largest: int) -> None:
    """A release that waits in the box, and requests for it on two media: for whoever tries the programs."""
    _release(shop, cast, image, NEXT, "Waits in the box for you: try the kiosk.")
    make_stick(shop.stick, 2 * largest + _ROOM)
    _ask(shop, cast.first)
    _collect(shop, cast)
    shop.second_stick.mkdir()
    with mounted(shop.second_stick) as volume:
        cast.second.write_request(volume)
    cast.box.admit(shop.second_stick)


def _bytes_in(volume: Volume, folder: str) -> int:
    return sum(entry.size for entry in volume.list(folder))


def _allocated(stick: Path) -> int:
    """Bytes that a sparse image holds."""
    return stick.stat().st_blocks * 512
