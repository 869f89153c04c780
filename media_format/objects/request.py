"""The request: a device says who it is, what it runs and what it can read."""

from __future__ import annotations

from typing import ClassVar, Final

from media_format import limits
from media_format.objects.envelope import COUNTER, NONCE
from media_format.objects.manifest import CRL_NUMBERS, FORMAT, SHORT, CrlNumber
from media_format.refusal import Code
from media_format.wire import (
    DIGEST,
    TIME,
    Blob,
    Flag,
    Many,
    Nested,
    Record,
    Text,
    Uint,
    Word,
    key,
    record,
)

OLDEST_RECEIPT: Final = 1
"""The optional extension that says from which receipt on the device keeps them."""


@record
class SlotReport(Record):
    """What one bank of a slot holds. `measured` is SHA-256 over the component's bytes, read now."""

    NAME: ClassVar[str] = "slot report"

    slot: str = key(1, SHORT)
    bank: int = key(2, Uint(0, 1))
    active: bool = key(3, Flag())
    capacity: int = key(4, Uint())
    component: str | None = key(5, SHORT, default=None)
    version: str | None = key(6, SHORT, default=None)
    manifest_digest: bytes | None = key(7, DIGEST, default=None)
    measured: bytes | None = key(8, DIGEST, default=None)


@record
class ChainHead(Record):
    """The newest release a device has confirmed on a line."""

    NAME: ClassVar[str] = "key chain head"

    line: str = key(1, SHORT)
    index: int = key(2, Uint(1, 2**32 - 1))
    manifest_digest: bytes = key(3, DIGEST)


@record
class DeviceTime(Record):
    """What the device takes the time to be and where from; no time where it trusts no source."""

    NAME: ClassVar[str] = "device time"

    source: str = key(1, Text(32))
    time: int | None = key(2, TIME, default=None)


@record
class RefusalCount(Record):
    """How often a code refused something not addressed to this device since the last acknowledged receipt."""

    NAME: ClassVar[str] = "refusal count"

    code: Code = key(1, Word(Code))
    count: int = key(2, Uint(1))


@record
class Request(Record):
    """The payload of the COSE_Sign1 object in a .REQ file; both device certificates stand in its header.

    `ciphers` (`Cipher`) and `kems` (`Kem`) may hold numbers that this code does not know: a device may
    be newer than the box that reads its request.
    """

    NAME: ClassVar[str] = "request"
    LIMIT: ClassVar[int] = limits.MAX_REQUEST
    CONTENT_TYPE: ClassVar[str] = "application/vnd.updatebox.request+cbor"

    format: int = key(1, FORMAT)
    device_id: str = key(2, SHORT)
    epoch: int = key(3, Uint(0, 2**32 - 1))
    product: str = key(4, SHORT)
    line: str = key(5, SHORT)
    hardware: str = key(6, SHORT)
    slots: tuple[SlotReport, ...] = key(7, Many(Nested(SlotReport), 128, 1))
    head: ChainHead | None = key(8, Nested(ChainHead), default=None)
    security_floor: int = key(9, Uint(0, 2**32 - 1))
    time_floor: int = key(10, TIME)
    counter: int = key(11, COUNTER)
    nonce: bytes = key(12, NONCE)
    time: DeviceTime = key(13, Nested(DeviceTime))
    formats: tuple[int, ...] = key(14, Many(Uint(1), 16, 1))
    ciphers: tuple[int, ...] = key(15, Many(Uint(), 8, 1))
    kems: tuple[int, ...] = key(16, Many(Uint(), 8))
    largest_chunk: int = key(17, Uint(limits.MIN_CHUNK_SIZE))
    free_space: int = key(18, Uint())
    crl_numbers: tuple[CrlNumber, ...] = key(19, CRL_NUMBERS)
    refusals: tuple[RefusalCount, ...] = key(20, Many(Nested(RefusalCount), 64))
    reuse: bool = key(21, Flag())
    quote: bytes | None = key(22, Blob(1, 16384), default=None)

    @property
    def oldest_receipt(self) -> int | None:
        """The number of the oldest receipt that the device keeps, or will write next; None if it says none.

        A box has acknowledged those before it.
        """
        found = dict(self.optional).get(OLDEST_RECEIPT)
        return found if isinstance(found, int) and not isinstance(found, bool) else None
