"""The demo's attacks: each must be refused, and the demo fails if one is not."""

from __future__ import annotations

import mmap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from appliance.box import BoxService, Session
from appliance.cli.demo.workshop import Workshop, copy_stick, mounted
from appliance.device import Device, PackageResult
from media_format import layout
from media_format.errors import MachineFault
from media_format.objects import Outcome
from media_format.package import list_packages
from media_format.refusal import Code, Refusal


@dataclass(frozen=True, slots=True)
class Attack:
    """Something that was refused, and what it was refused with."""

    name: str
    code: Code
    detail: str


def foreign_package(shop: Workshop, name: str, device: Device) -> Attack:
    """A stick that was written for another device."""
    return _on_a_copy(shop, name, shop.stick, device, lambda stick: None)


def flipped_byte(shop: Workshop, name: str, device: Device) -> Attack:
    """A stick with one byte of its payload changed."""
    return _on_a_copy(shop, name, shop.stick, device, _flip_payload)


def old_stick(shop: Workshop, name: str, stick: Path, device: Device) -> Attack:
    """A stick that this device used before."""
    return _on_a_copy(shop, name, stick, device, lambda copy: None)


def old_release(shop: Workshop, name: str, box: BoxService, session: Session, device: str) -> Attack:
    """The oldest release in the box, asked for at the box itself."""
    oldest = min(box.releases(), key=lambda release: release.index)
    try:
        box.write(shop.stick, (device,), session, shop.report, release=oldest.manifest_digest)
    except Refusal as refusal:
        return Attack(name, refusal.code, refusal.detail)
    raise _accepted(name)


def _on_a_copy(
    shop: Workshop, name: str, stick: Path, device: Device, change: Callable[[Path], None]
) -> Attack:
    copy = copy_stick(stick, "attack.img")
    try:
        change(copy)
        with mounted(copy) as volume:
            results = device.apply(volume, retry=True).packages
    finally:
        copy.unlink()
    return _refused(name, results)


def _refused(name: str, results: tuple[PackageResult, ...]) -> Attack:
    if any(result.outcome is Outcome.INSTALLED for result in results):
        raise _accepted(name)
    refused = [result for result in results if result.code is not None]
    # A stick may hold other devices' packages too; what was said to this one's own counts.
    for result in sorted(refused, key=lambda result: not result.addressed):
        assert result.code is not None
        return Attack(name, result.code, result.detail)
    raise _accepted(name)


def _accepted(name: str) -> MachineFault:
    return MachineFault(f"{name}: this should have been refused and was not")


def _flip_payload(stick: Path) -> None:
    """Change one byte in the payload, wherever it stands in the image."""
    with mounted(stick) as volume:
        folder = list_packages(volume)[-1]
        (size,) = (entry.size for entry in volume.list(folder) if entry.name == layout.segment(0))
        some = volume.read_run(f"{folder}/{layout.segment(0)}", size // 2, min(size - size // 2, 64))
    with stick.open("r+b") as image:
        with mmap.mmap(image.fileno(), 0, access=mmap.ACCESS_READ) as content:
            place = content.find(some)
        image.seek(place)
        image.write(bytes([some[0] ^ 1]))
