"""Revocation lists on a medium: UPDATEBX/TRUST/*.CRL, in DER. What is read here is not verified."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from media_format import layout, limits
from media_format.object_file import write_object
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume

_MAX_FILES: Final = 32
"""More lists than issuers are of no use; what stands beyond this many is not read."""


def read_crls(volume: Volume) -> tuple[bytes, ...]:
    """The lists on the medium; those that are too large, or not all there, are passed over."""
    names = sorted(
        entry.name
        for entry in volume.list(layout.TRUST)
        if not entry.folder and layout.is_object(entry.name, layout.CRL_SUFFIX)
    )
    found = []
    for name in names[:_MAX_FILES]:
        try:
            found.append(volume.read_object(f"{layout.TRUST}/{name}", limits.MAX_CRL))
        except Refusal as refusal:
            if refusal.code not in (Code.TOO_LARGE, Code.TRUNCATED):
                raise
    return tuple(found)


def write_crls(volume: Volume, crls: Iterable[bytes]) -> None:
    """Put lists on the medium that are not there yet."""
    present = {entry.name.upper() for entry in volume.list(layout.TRUST)}
    for crl in crls:
        name = layout.stem(crl) + layout.CRL_SUFFIX
        if name not in present:
            write_object(volume, f"{layout.TRUST}/{name}", crl)
