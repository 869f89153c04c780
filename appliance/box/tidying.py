"""Tidying a medium: what this box wrote before and nobody needs any more. Other people's files stay."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from appliance.box import survey
from appliance.box.pulled import raise_if_pulled
from appliance.trust.chain import VerifiedCertificate
from appliance.trust.crl import RevocationLists
from media_format import cose, layout, limits
from media_format.objects import Envelope, EnvelopeKind
from media_format.package import PackageReader, PackageWriter, list_packages
from media_format.refusal import Refusal
from media_format.volume.seam import Entry, Volume

_FOLDER: Final = re.compile(r"[0-9A-F]{8}")
_PART: Final = re.compile(r"(MANIFEST|CHUNKS|ENVELOPE)\.CBR|PAYLOAD\.\d{3}|[A-Z]{1,8}\.~\d\d")
"""The parts of a package, and the names under which a mounted medium begins them."""


def superseded(volume: Volume, box: VerifiedCertificate, devices: Collection[str]) -> tuple[str, ...]:
    """Folders of deliveries that this box signed, and whose devices are all among `devices`."""
    return tuple(folder for folder in list_packages(volume) if _is_own(volume, folder, box, devices))


def _is_own(volume: Volume, folder: str, box: VerifiedCertificate, devices: Collection[str]) -> bool:
    try:
        signed = cose.read_sign1(
            PackageReader(volume, folder).envelope(), Envelope.CONTENT_TYPE, Envelope.LIMIT
        )
        signed.signatures[0].verify(box.key)
        envelope = Envelope.from_bytes(signed.payload)
    except Refusal as refusal:
        raise_if_pulled(refusal)
        return False
    named = {recipient.device.id for recipient in envelope.recipients if recipient.device}
    return envelope.kind is EnvelopeKind.DELIVERY and bool(named) and named <= set(devices)


def unfinished(volume: Volume) -> tuple[str, ...]:
    """Folders with parts of a package and no envelope: a write that was cut off. Others' files spare one."""
    folders = (
        f"{layout.PACKAGES}/{entry.name}"
        for entry in volume.list(layout.PACKAGES)
        if entry.folder and _FOLDER.fullmatch(entry.name.upper())
    )
    return tuple(folder for folder in folders if _is_unfinished(volume.list(folder)))


def _is_unfinished(entries: tuple[Entry, ...]) -> bool:
    names = {entry.name.upper() for entry in entries}
    parts = all(not entry.folder and _PART.fullmatch(entry.name.upper()) for entry in entries)
    return parts and layout.ENVELOPE not in names


def room_in(volume: Volume, folders: Iterable[str]) -> int:
    """Bytes that removing packages gives back."""
    return sum(entry.size for folder in folders for entry in volume.list(folder))


def remove(volume: Volume, folders: Iterable[str]) -> None:
    """Remove packages, each one's envelope first. Refusal(medium-*)."""
    for folder in folders:
        if volume.list(folder):
            PackageWriter(volume, folder).abandon()
        else:
            volume.delete(folder)


def remove_old_lists(volume: Volume, lists: RevocationLists) -> None:
    """Remove revocation lists that one in `lists` replaces: readers look at a bounded number of them."""
    for entry in survey.files(volume, layout.TRUST, layout.CRL_SUFFIX):
        path = f"{layout.TRUST}/{entry.name}"
        try:
            der = volume.read_object(path, limits.MAX_CRL)
        except Refusal as refusal:
            raise_if_pulled(refusal)
            continue
        if lists.replaces(der):
            volume.delete(path)
