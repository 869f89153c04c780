"""Deliveries: a release for devices, and what it takes on a medium."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Final

from appliance.box.reuse import Selection
from appliance.trust.release import VerifiedRelease
from media_format import cose, layout, limits
from media_format.objects import Cipher, CrlNumber, DeviceBinding, Present
from media_format.package import PackageReader
from media_format.payload.cobblestone import ciphertext_length
from media_format.payload.recipients import RecipientKey
from media_format.volume.seam import Volume

LIFETIME: Final = 90 * 86400
"""How long a delivery may be installed, in seconds."""


@dataclass(frozen=True, slots=True)
class Target:
    """A device to seal for."""

    binding: DeviceBinding
    key: RecipientKey


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is to be written, and by whom it is signed."""

    package_id: bytes
    source: PackageReader
    manifest: bytes
    """The COSE object that `release` was verified from; what lies in the store may have rotted since."""
    release: VerifiedRelease
    content_key: bytes = field(repr=False)
    targets: tuple[Target, ...]
    cipher: Cipher
    signer: cose.Signer
    issued_at: int
    crl_numbers: tuple[CrlNumber, ...]
    segment_size: int = limits.DEFAULT_SEGMENT_SIZE
    selection: Selection | None = None
    """The chunks that are written; None where all are. The devices have the others."""

    @property
    def devices(self) -> tuple[str, ...]:
        """Whom it is for."""
        return tuple(target.binding.id for target in self.targets)

    @property
    def payload_length(self) -> int:
        """Bytes of the payload to be written."""
        return self._sealed(self.selection.stored if self.selection else self.release.manifest.stored_size)

    @property
    def whole_length(self) -> int:
        """Bytes of a payload with every chunk."""
        return self._sealed(self.release.manifest.stored_size)

    @property
    def present(self) -> Present | None:
        """Which chunks are written, as the envelope says it."""
        return self.selection.present if self.selection else None

    def _sealed(self, stored: int) -> int:
        return ciphertext_length(stored) if self.cipher is Cipher.COBBLESTONE_256 else stored


def room_for(delivery: Delivery, cluster: int) -> int:
    """Bytes that a package takes at most on a medium with this allocation unit."""
    files = -(-delivery.payload_length // delivery.segment_size) + 3
    objects = limits.MAX_ENVELOPE + limits.MAX_MANIFEST
    table = delivery.release.manifest.table_size
    return delivery.payload_length + table + objects + (files + 4) * cluster


def new_package_id(volume: Volume) -> bytes:
    """An id whose folder is not on the medium yet."""
    while True:
        package_id = os.urandom(16)
        if not volume.list(layout.package_folder(package_id)):
            return package_id
