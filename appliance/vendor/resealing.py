"""Sealing a release for further boxes: the manifest stays as it was signed, so it is the same release.

The key that opens a package is forgotten when it is made. So the payload is made again, from the same
images, and every chunk of it is held against the table that the manifest vouches for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.trust.bundle import Bundle
from appliance.trust.envelope import verify_envelope
from appliance.trust.manifest import VerifiedManifest, verify_manifest
from appliance.trust.pages import verify_page
from appliance.vendor.builder import ComponentSource, Contents, Table, size_of
from appliance.vendor.release import Built, Sealing, SignedManifest, write_package
from media_format.errors import Misuse
from media_format.objects import ChunkPage, EnvelopeKind, Manifest, TrustAnchor
from media_format.package import PackageReader, list_packages
from media_format.progress import Progress, Report
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume

_RUN: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SealOrder:
    """For whom a release is to be sealed. `images` are its components' files, by slot.

    `version` says which one is meant where a directory holds several.
    """

    images: Mapping[str, Path]
    boxes: tuple[Bundle, ...]
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A release that the vendor has made, and the package that holds it."""

    release: VerifiedManifest
    data: bytes
    """Its MANIFEST.CBR."""
    segment_size: int
    reader: PackageReader


def find(volume: Volume, anchor: TrustAnchor, version: str | None) -> Found:
    """The release that a directory holds; Misuse for none, or several. Refusals for a changed one."""
    found: dict[bytes, Found] = {}
    for folder in list_packages(volume):
        one = _read(PackageReader(volume, folder), anchor)
        if one is not None and version in (None, one.release.manifest.version):
            found.setdefault(one.release.digest, one)
    if not found:
        raise Misuse("there is no such release; name a directory that `updatebox vendor release` wrote to")
    if len(found) > 1:
        versions = ", ".join(one.release.manifest.version for one in found.values())
        raise Misuse(f"there are several releases; say which one is meant with --version: {versions}")
    return next(iter(found.values()))


def _read(reader: PackageReader, anchor: TrustAnchor) -> Found | None:
    """The release in a package; None where it is a box's delivery of one."""
    data = reader.manifest()
    release = verify_manifest(data, anchor)
    try:
        sealed = verify_envelope(reader.envelope(), release, anchor, EnvelopeKind.RELEASE)
    except Refusal as refusal:
        if refusal.code is Code.PURPOSE_MISMATCH:
            return None
        raise
    return Found(release, data, sealed.envelope.segment_size, reader)


def write_again(
    volume: Volume,
    found: Found,
    sources: tuple[ComponentSource, ...],
    sealing: Sealing,
    spool: Path,
    report: Report,
) -> Built:
    """Seal a release from its images once more. Nothing stays on the volume when it fails."""
    manifest, table = found.release.manifest, Table(spool)
    try:
        for number in range(len(manifest.pages)):
            page = found.reader.page(manifest, number)
            verify_page(manifest, number, page)
            table.add(ChunkPage.from_bytes(page))
        contents = Contents(manifest.components, table, manifest.stored_size)
        signed = SignedManifest(manifest, found.data, found.release.digest)
        return write_package(volume, signed, sources, contents, sealing, report)
    finally:
        table.close()


def sources_of(manifest: Manifest, images: Mapping[str, Path], report: Report) -> tuple[ComponentSource, ...]:
    """The images of a release's components, each held against the manifest. Misuse for any others."""
    slots = {component.slot for component in manifest.components}
    if missing := slots - images.keys():
        raise Misuse(f"name the images of all components of the release; missing: {_listed(missing)}")
    if further := images.keys() - slots:
        raise Misuse(f"the release has no component for {_listed(further)}")
    sources = tuple(ComponentSource(c.slot, images[c.slot], c.name, c.kind) for c in manifest.components)
    _measure(sources, manifest, report)
    return sources


def _listed(slots: set[str]) -> str:
    return ", ".join(sorted(slots))


def _measure(sources: tuple[ComponentSource, ...], manifest: Manifest, report: Report) -> None:
    done, total = 0, sum(component.size for component in manifest.components)
    for source, component in zip(sources, manifest.components, strict=True):
        digest = hashlib.sha256()
        if size_of(source) == component.size:
            with source.path.open("rb") as image:
                while data := image.read(_RUN):
                    digest.update(data)
                    done += len(data)
                    report(Progress("measure", done, total))
        if digest.digest() != component.digest:
            raise Misuse(f"{source.path} is not the image of {component.slot} that was released")
