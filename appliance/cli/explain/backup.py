"""A backup in words, as far as it can be told of without its passphrase."""

from __future__ import annotations

import os
import tarfile
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from appliance.cli.explain.spans import clock
from appliance.cli.quantities import amount
from media_format.backup_head import BackupHead, read_head
from media_format.payload.cobblestone import plaintext_length
from media_format.refusal import Refusal

KIND: Final = "backup of a box"


@dataclass(frozen=True, slots=True)
class BackupContent:
    """What stands before the sealed part, and how many bytes that has."""

    head: BackupHead
    sealed: int

    @property
    def summary(self) -> str:
        head = self.head
        return f"of {head.box}, made {clock(head.created)}: {amount(self.sealed)} sealed under a passphrase"

    @property
    def fields(self) -> dict[str, Any]:
        head = self.head
        stretched = f"Argon2id, {head.passes} passes over {head.memory} KiB in {head.lanes} lanes"
        return {
            "box": head.box,
            "created": head.created,
            "size": self.sealed,
            "passphrase": stretched,
            "cut off": not self._is_whole,
        }

    @property
    def notes(self) -> tuple[str, ...]:
        unknown = (
            "without the passphrase not even this is certain: box and time stand there in the clear, and "
            "what the box signed is sealed; updatebox box restore checks all before it changes anything"
        )
        cut = f"it was cut off, or something was added to it: no backup has {self.sealed} sealed bytes"
        return (unknown,) if self._is_whole else (cut, unknown)

    @property
    def _is_whole(self) -> bool:
        """Whether the sealed part is as long as one can be: an archive has whole records (POSIX.1, pax)."""
        try:
            archive = plaintext_length(self.sealed)
        except Refusal:
            return False
        return archive > 0 and archive % tarfile.RECORDSIZE == 0


def read_content(file: BinaryIO) -> BackupContent:
    """Read a backup's head, and look how much follows. Refusal as `read_head`."""
    head, _ = read_head(file)
    start = file.tell()
    return BackupContent(head, file.seek(0, os.SEEK_END) - start)
