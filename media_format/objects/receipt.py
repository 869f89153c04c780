"""The receipt: a device says what became of a package. Each carries the digest of the one before."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

from media_format import limits
from media_format.objects.envelope import COUNTER
from media_format.objects.manifest import FORMAT, SHORT
from media_format.refusal import Code
from media_format.wire import (
    DIGEST,
    IDENTIFIER,
    TIME,
    Nested,
    Number,
    Record,
    Text,
    Uint,
    Word,
    key,
    malformed,
    record,
)


class Outcome(IntEnum):
    """What became of a package."""

    INSTALLED = 1
    """In the slot and switched to; not yet confirmed."""
    CONFIRMED = 2
    """The device declared the new release good."""
    REFUSED = 3
    """Not accepted; nothing was changed."""
    FAILED = 4
    """Accepted, but it could not be installed or did not become healthy."""
    ROLLED_BACK = 5
    """The device went back to the release before."""


@record
class ReceiptTime(Record):
    """When the work began and ended, by which source of time. No numbers where no source was trusted."""

    NAME: ClassVar[str] = "receipt time"

    source: str = key(1, Text(32))
    started: int | None = key(2, TIME, default=None)
    finished: int | None = key(3, TIME, default=None)


@record
class Receipt(Record):
    """The payload of the COSE_Sign1 object in a .RCP file.

    `previous` is SHA-256 over the payload of the receipt before, absent in an enrolment epoch's first.
    `package_id` and `manifest_digest` are absent where the package was too damaged to know them.
    """

    NAME: ClassVar[str] = "receipt"
    LIMIT: ClassVar[int] = limits.MAX_RECEIPT
    CONTENT_TYPE: ClassVar[str] = "application/vnd.updatebox.receipt+cbor"

    format: int = key(1, FORMAT)
    device_id: str = key(2, SHORT)
    epoch: int = key(3, Uint(0, 2**32 - 1))
    counter: int = key(4, COUNTER)
    previous: bytes | None = key(5, DIGEST, default=None)
    package_id: bytes | None = key(6, IDENTIFIER, default=None)
    manifest_digest: bytes | None = key(7, DIGEST, default=None)
    outcome: Outcome = key(8, Number(Outcome))
    code: Code | None = key(9, Word(Code), default=None)
    detail: str | None = key(10, Text(512), default=None)
    version_before: str | None = key(11, SHORT, default=None)
    version_after: str | None = key(12, SHORT, default=None)
    time: ReceiptTime = key(13, Nested(ReceiptTime))
    duration_ms: int = key(14, Uint())

    def check(self, path: str) -> None:
        if (self.code is not None) != (self.outcome in (Outcome.REFUSED, Outcome.FAILED)):
            raise malformed(path, "a code stands with refusals and failures only")
