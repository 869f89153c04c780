"""What the store holds on disk: a sealed package for each release, and what a cut left of an import."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session as Transaction

from appliance.box.schema import ReleaseRow
from media_format import layout
from media_format.volume.seam import Volume


@dataclass(frozen=True, slots=True)
class StoredPackage:
    """A folder of the store. `product` and `version` are None where the database knows no release for it."""

    package_id: str
    """In hexadecimal: the folder's name."""
    product: str | None
    version: str | None
    size: int
    """Bytes of its files, all sealed or signed."""
    whole: bool
    """Whether its envelope, which is written last, is there and the database knows it."""
    retired: bool = False
    """Whether its release is not offered any more: it goes when nobody reads it."""


def stored_packages(transaction: Transaction, volume: Volume) -> tuple[StoredPackage, ...]:
    """Every package folder, by name."""
    releases = {row.package_id.hex(): row for row in transaction.scalars(select(ReleaseRow))}
    found = []
    for folder in sorted(entry.name for entry in volume.list("") if entry.folder):
        files = {entry.name: entry.size for entry in volume.list(folder) if not entry.folder}
        release = releases.get(folder)
        found.append(
            StoredPackage(
                package_id=folder,
                product=release.product if release else None,
                version=release.version if release else None,
                size=sum(files.values()),
                whole=release is not None and layout.ENVELOPE in files,
                retired=release is not None and release.retired is not None,
            )
        )
    return tuple(found)
