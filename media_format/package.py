"""A package on a medium: where its parts stand, and the order in which they are written.

The envelope comes last and makes the package exist; a folder without one is no package. What is read
here is bounded in size and otherwise unverified.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from media_format import layout, limits
from media_format.objects import Envelope, Manifest
from media_format.payload.segments import SegmentReader, SegmentWriter
from media_format.volume.seam import Volume

_MAX_FOLDERS: Final = 1024
"""More packages than this on one medium are not looked at, so that a hostile one costs bounded time."""


def list_packages(volume: Volume) -> tuple[str, ...]:
    """The folders that hold a package, in the order of their names."""
    names = sorted(
        entry.name
        for entry in volume.list(layout.PACKAGES)
        if entry.folder and layout.is_object(entry.name, "")
    )
    folders = (f"{layout.PACKAGES}/{name}" for name in names[:_MAX_FOLDERS])
    return tuple(folder for folder in folders if layout.ENVELOPE in _names(volume, folder))


def _names(volume: Volume, folder: str) -> set[str]:
    return {entry.name.upper() for entry in volume.list(folder)}


class PackageReader:
    """Reads the parts of the package in `folder`; "" where the volume is a package's own folder."""

    def __init__(self, volume: Volume, folder: str) -> None:
        self._volume = volume
        self.folder = folder

    def manifest(self) -> bytes:
        """The COSE object with the manifest. Refusal(truncated), (too-large) or (medium-*)."""
        limit = limits.MAX_MANIFEST + limits.MAX_SIGN_OVERHEAD
        return self._volume.read_object(layout.inside(self.folder, layout.MANIFEST), limit)

    def envelope(self) -> bytes:
        """The COSE object with the envelope; refusals as for `manifest`."""
        limit = limits.MAX_ENVELOPE + limits.MAX_SIGN1_OVERHEAD
        return self._volume.read_object(layout.inside(self.folder, layout.ENVELOPE), limit)

    def page(self, manifest: Manifest, number: int) -> bytes:
        """Page `number` of the chunk table, as encoded. Refusal(truncated) where it is not all there."""
        offset = sum(page.length for page in manifest.pages[:number])
        path = layout.inside(self.folder, layout.CHUNKS)
        return self._volume.read_run(path, offset, manifest.pages[number].length)

    def payload(self, envelope: Envelope) -> SegmentReader:
        """The payload as one run of bytes, whatever its segments are."""
        return SegmentReader(self._volume, self.folder, envelope.payload_length, envelope.segment_size)


class PackageWriter:
    """Writes a new package into `folder`: manifest, chunk table, payload, then the envelope."""

    def __init__(self, volume: Volume, folder: str) -> None:
        self._volume = volume
        self.folder = folder

    def write_manifest(self, data: bytes) -> None:
        """Write MANIFEST.CBR."""
        self._write(layout.MANIFEST, (data,), len(data))

    def write_table(self, pages: Iterable[bytes], size: int) -> None:
        """Write CHUNKS.CBR from its encoded pages, `size` bytes in all."""
        self._write(layout.CHUNKS, pages, size)

    def payload(self, length: int, segment_size: int) -> SegmentWriter:
        """Begin the payload of `length` bytes; append to what is returned, then close it."""
        return SegmentWriter(self._volume, self.folder, length, segment_size)

    def write_envelope(self, data: bytes) -> None:
        """Write ENVELOPE.CBR: from here on there is a package."""
        self._write(layout.ENVELOPE, (data,), len(data))

    def abandon(self) -> None:
        """Remove what was written, the envelope first."""
        names = _names(self._volume, self.folder)
        for name in sorted(names, key=lambda name: name != layout.ENVELOPE):
            self._volume.delete(layout.inside(self.folder, name))
        if names:
            self._volume.delete(self.folder)

    def _write(self, name: str, parts: Iterable[bytes], size: int) -> None:
        ticket = self._volume.begin(layout.inside(self.folder, name), size)
        try:
            for part in parts:
                self._volume.append(ticket, part)
            self._volume.commit(ticket)
        except BaseException:
            self._volume.discard(ticket)
            raise
