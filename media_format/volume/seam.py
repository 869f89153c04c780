"""The volume seam: all that the project may do with a medium, in the shape of messages.

Every call takes and returns plain values, so that the same protocol can be spoken over a socket
pair by a courier process. Paths are relative, separated by "/", in upper-case 8.3 names
("UPDATEBX/REQUESTS/1A2B3C4D.REQ"). Files are written once: `begin` reserves, `append` fills,
`commit` makes the file exist; nothing is ever truncated, overwritten or moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

Data = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder: `size` in bytes (0 for folders)."""

    name: str
    size: int
    folder: bool


@dataclass(frozen=True, slots=True)
class VolumeInfo:
    """What a volume says of itself. `capacity` and `free` in bytes; `cluster` the allocation unit."""

    kind: str
    label: str
    capacity: int
    free: int
    cluster: int


class ReadBack(StrEnum):
    """How reads after `settle` reach the medium."""

    DIRECT = "direct"
    """With O_DIRECT, past the page cache."""
    FLUSHED = "flushed"
    """Through the page cache, after its pages were dropped."""
    CACHED = "cached"
    """The platform offers neither: a read may be answered from memory."""


class Volume(Protocol):
    """A FAT volume, or a directory where the system mounted one.

    Every method raises Refusal(medium-pulled) when the medium stops answering and
    Refusal(medium-unreadable) when its file system is damaged or hostile.
    """

    def info(self) -> VolumeInfo:
        """Kind ("fat12", "fat16", "fat32", "directory"), label, capacity and free space."""
        ...

    def list(self, folder: str) -> tuple[Entry, ...]:
        """The entries of `folder` ("" is the root); empty when there is no such folder.

        Stray files are listed like any other; more entries than the volume's limit are refused.
        """
        ...

    def read_object(self, path: str, limit: int) -> bytes:
        """A whole small file. Refusal(too-large) above `limit` bytes, Refusal(truncated) if absent."""
        ...

    def read_run(self, path: str, offset: int, length: int) -> bytes:
        """Exactly `length` bytes of a file from `offset`; Refusal(truncated) where they are not there."""
        ...

    def begin(self, path: str, size: int) -> int:
        """Reserve room for a new file of exactly `size` bytes; folders on the way are made.

        Returns a ticket for `append`, `commit` and `discard`. Raises Misuse if the path exists,
        Refusal(medium-full) before anything is written, Refusal(medium-write-protected).
        """
        ...

    def append(self, ticket: int, data: Data) -> None:
        """Write the next bytes of a begun file. Misuse past the reserved size."""
        ...

    def commit(self, ticket: int) -> None:
        """Make the file durable, then make it exist. Misuse if bytes are missing."""
        ...

    def discard(self, ticket: int) -> None:
        """Give up a begun file; its room is free again."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file or an empty folder of the project's own; Misuse if absent or not empty."""
        ...

    def settle(self) -> ReadBack:
        """Bring everything committed to the medium; reads after this come from the medium."""
        ...

    def close(self) -> None:
        """Settle and let go of the medium. Closing twice is harmless."""
        ...
