"""Surveying a medium: what is on it, and the one thing a technician should do next. Nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from appliance.box.admission import Admission
from media_format import cose, layout
from media_format.objects import Envelope, EnvelopeKind
from media_format.package import PackageReader, list_packages
from media_format.refusal import Refusal
from media_format.volume.seam import Entry, Volume, VolumeInfo


class Action(StrEnum):
    """What a medium calls for."""

    WRITE = "write"
    """A device asks for an update that the box has."""
    COLLECT = "collect"
    """There are receipts to read."""
    IMPORT = "import"
    """There is a release to take in."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class PackageInfo:
    """A package on a medium, as its envelope says; not verified."""

    folder: str
    kind: str
    package_id: bytes | None
    devices: tuple[str, ...]
    detail: str


@dataclass(frozen=True, slots=True)
class MediumReport:
    """What is on a medium, with one suggestion for a person."""

    volume: VolumeInfo
    requests: tuple[Admission, ...]
    receipts: int
    """Receipts that the box does not hold yet."""
    packages: tuple[PackageInfo, ...]
    foreign: int
    """Files and folders that are not ours; they are left alone."""
    action: Action
    suggestion: str


def files(volume: Volume, folder: str, suffix: str) -> tuple[Entry, ...]:
    """The files in a folder that can be objects of ours, by name; sidecar files are passed over."""
    entries = (entry for entry in volume.list(folder) if not entry.folder)
    return tuple(sorted((e for e in entries if layout.is_object(e.name, suffix)), key=lambda e: e.name))


def packages(volume: Volume) -> tuple[PackageInfo, ...]:
    """The packages on a medium."""
    return tuple(package(volume, folder) for folder in list_packages(volume))


def package(volume: Volume, folder: str) -> PackageInfo:
    """What the package in `folder` says of itself."""
    try:
        data = PackageReader(volume, folder).envelope()
        signed = cose.read_sign1(data, Envelope.CONTENT_TYPE, Envelope.LIMIT)
        envelope = Envelope.from_bytes(signed.payload)
    except Refusal as refusal:
        return PackageInfo(folder, "damaged", None, (), str(refusal))
    devices = tuple(recipient.device.id for recipient in envelope.recipients if recipient.device)
    kind = "release" if envelope.kind is EnvelopeKind.RELEASE else "delivery"
    return PackageInfo(folder, kind, envelope.package_id, devices, "")


def foreign(volume: Volume) -> int:
    """How many names in the root are not ours."""
    return sum(entry.name.upper() != layout.ROOT for entry in volume.list(""))


def suggest(
    requests: tuple[Admission, ...], receipts: int, found: tuple[PackageInfo, ...], known: frozenset[bytes]
) -> tuple[Action, str]:
    """The one thing to do next; `known` are the package ids of releases the box has."""
    for request in requests:
        if request.code is None and request.release is not None:
            running = request.version or "no release"
            return (
                Action.WRITE,
                f"Device {request.device_id} asks for an update: {running} → {request.release_version}.",
            )
    if receipts:
        return Action.COLLECT, f"There are {receipts} new receipts on this medium."
    if any(package.kind == "release" and package.package_id not in known for package in found):
        return Action.IMPORT, "There is a release from the vendor on this medium."
    for request in requests:
        if request.code is not None:
            return Action.NOTHING, f"The request on this medium cannot be answered: {request.code}."
        return Action.NOTHING, f"Device {request.device_id} has the newest release."
    return Action.NOTHING, "There is nothing for this box on the medium."
