"""Surveying a medium: what is on it, and the one thing a technician should do next. Nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from appliance.box.admission import Admission
from media_format import cose, layout
from media_format.objects import Envelope, EnvelopeKind
from media_format.package import PackageReader, list_packages
from media_format.refusal import Refusal
from media_format.volume.seam import Entry, Volume, VolumeInfo

_LOOKED_AT: Final = 4096
"""Requests, and receipts, that are looked at on one medium."""


class Action(StrEnum):
    """What a medium calls for."""

    WRITE = "write"
    """A device asks for an update that the box has."""
    COLLECT = "collect"
    """There are receipts to read."""
    IMPORT = "import"
    """There is a release to take in."""
    CARRY = "carry"
    """The updates that devices asked for are on it already."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class PackageInfo:
    """A package on a medium, as its envelope says; not verified."""

    folder: str
    kind: str
    package_id: bytes | None
    devices: tuple[str, ...]
    detail: str
    manifest_digest: bytes | None = None
    answers: tuple[tuple[str, int], ...] = ()
    """Devices with the numbers of the requests that it answers."""

    def is_for(self, request: Admission) -> bool:
        """Whether it gives this request's device the release it should get."""
        same_release = request.release is not None and self.manifest_digest == request.release
        return same_release and (request.device_id, request.counter) in self.answers


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

    @property
    def servable(self) -> tuple[Admission, ...]:
        """The admitted requests that the box has a release for."""
        return _servable(self.requests)

    @property
    def waiting(self) -> tuple[Admission, ...]:
        """Those of them that no package on the medium answers yet."""
        return _waiting(self.requests, self.packages)


def files(volume: Volume, folder: str, suffix: str) -> tuple[Entry, ...]:
    """The files in a folder that can be objects of ours, by name; sidecar files are passed over.

    No more than `_LOOKED_AT`: each costs signatures to verify, and a hostile medium holds many.
    """
    entries = (entry for entry in volume.list(folder) if not entry.folder)
    found = sorted((e for e in entries if layout.is_object(e.name, suffix)), key=lambda e: e.name)
    return tuple(found[:_LOOKED_AT])


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
    answers = tuple(
        (recipient.device.id, recipient.device.answers.counter)
        for recipient in envelope.recipients
        if recipient.device and recipient.device.answers
    )
    return PackageInfo(folder, kind, envelope.package_id, devices, "", envelope.manifest_digest, answers)


def foreign(volume: Volume) -> int:
    """How many names in the root are not ours."""
    return sum(entry.name.upper() != layout.ROOT for entry in volume.list(""))


def suggest(
    requests: tuple[Admission, ...], receipts: int, found: tuple[PackageInfo, ...], known: frozenset[bytes]
) -> tuple[Action, str]:
    """The one thing to do next; `known` are the package ids of releases the box has.

    Receipts come first: what the box writes after that acknowledges them.
    """
    if receipts:
        count = f"are {receipts} new receipts" if receipts > 1 else "is a new receipt"
        return Action.COLLECT, f"There {count} on this medium."
    waiting = _waiting(requests, found)
    if len(waiting) == 1:
        running = f"{waiting[0].version or 'no release'} → {waiting[0].release_version}"
        return Action.WRITE, f"Device {waiting[0].device_id} asks for an update: {running}."
    if waiting:
        return Action.WRITE, f"{len(waiting)} devices ask for updates: {_names(waiting)}."
    if any(package.kind == "release" and package.package_id not in known for package in found):
        return Action.IMPORT, "There is a release from the vendor on this medium."
    if answered := _servable(requests):
        return Action.CARRY, f"The update for {_names(answered)} is on this medium: take it to the device."
    for request in requests:
        if request.code is not None:
            name, advice = request.device_id or request.file, Refusal(request.code, request.detail).advice
            return Action.NOTHING, f"The request of {name} cannot be answered. {advice} ({request.code})"
    for request in requests:
        if request.withheld is not None:
            new = request.withheld
            return Action.NOTHING, f"{new.version} is not for {request.device_id}. {new.advice} ({new.code})"
    for request in requests:
        if request.unconfirmed is not None:
            return (
                Action.NOTHING,
                f"{request.unconfirmed} is installed on {request.device_id}, not confirmed yet.",
            )
    if requests:
        has = "have" if len(requests) > 1 else "has"
        return Action.NOTHING, f"{_names(requests)} {has} the newest release."
    return Action.NOTHING, "There is nothing for this box on the medium."


def _servable(requests: tuple[Admission, ...]) -> tuple[Admission, ...]:
    return tuple(request for request in requests if request.code is None and request.release is not None)


def _waiting(requests: tuple[Admission, ...], found: tuple[PackageInfo, ...]) -> tuple[Admission, ...]:
    return tuple(
        request for request in _servable(requests) if not any(package.is_for(request) for package in found)
    )


def _names(requests: tuple[Admission, ...]) -> str:
    return ", ".join(sorted(request.device_id or request.file for request in requests))
