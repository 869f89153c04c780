"""The envelope: signed by whoever sealed the package; carries the content key for each recipient."""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

from media_format import limits
from media_format.kem import Kem
from media_format.objects.manifest import CRL_NUMBERS, FORMAT, SHORT, CrlNumber
from media_format.wire import (
    DIGEST,
    IDENTIFIER,
    MAX_UINT,
    TIME,
    Blob,
    Many,
    Nested,
    Number,
    Record,
    Uint,
    key,
    malformed,
    record,
)

NONCE = Blob(32, 32)
COUNTER = Uint(0, 2**63 - 1)


class EnvelopeKind(IntEnum):
    """Whom a package is for."""

    RELEASE = 1
    """For boxes, sealed by the vendor."""
    DELIVERY = 2
    """For devices, sealed by a box."""


class Cipher(IntEnum):
    """How the payload is protected beyond the chunks' signed digests."""

    NONE = 0
    """Signed only: a mode that a device's policy must allow."""
    COBBLESTONE_256 = 1
    """C2SP chunked-encryption, Cobblestone-256."""


@record
class Wrap(Record):
    """One HPKE layer: the mechanism and its encapsulation. The first layer is the outermost."""

    NAME: ClassVar[str] = "wrap"

    kem: Kem = key(1, Number(Kem))
    encapsulation: bytes = key(2, Blob(65, 1120))

    def check(self, path: str) -> None:
        if len(self.encapsulation) != (65 if self.kem is Kem.P256 else 1120):
            raise malformed(path, "the encapsulation does not have its mechanism's length")


@record
class Answer(Record):
    """The request that a package answers."""

    NAME: ClassVar[str] = "answer"

    nonce: bytes = key(1, NONCE)
    counter: int = key(2, COUNTER)


@record
class Acknowledgement(Record):
    """The newest of the device's receipts that the box holds; the ones before it are held too."""

    NAME: ClassVar[str] = "acknowledgement"

    counter: int = key(1, COUNTER)
    digest: bytes = key(2, DIGEST)


@record
class DeviceBinding(Record):
    """Which device, in which enrolment epoch, a recipient is."""

    NAME: ClassVar[str] = "device"

    id: str = key(1, SHORT)
    epoch: int = key(2, Uint(0, 2**32 - 1))
    answers: Answer | None = key(3, Nested(Answer), default=None)
    acknowledges: Acknowledgement | None = key(4, Nested(Acknowledgement), default=None)


@record
class Recipient(Record):
    """Who may open the content key. `wraps` and `wrapped_key` are empty where nothing is encrypted."""

    NAME: ClassVar[str] = "recipient"

    key_id: bytes = key(1, DIGEST)
    wraps: tuple[Wrap, ...] = key(2, Many(Nested(Wrap), 2))
    wrapped_key: bytes = key(3, Blob(0, 128))
    device: DeviceBinding | None = key(4, Nested(DeviceBinding), default=None)


@record
class Run(Record):
    """Chunks that are present: `count` chunks from number `first`, counted over the whole release."""

    NAME: ClassVar[str] = "run"

    first: int = key(1, Uint())
    count: int = key(2, Uint(1))


@record
class Present(Record):
    """Which chunks the payload holds when it does not hold all.

    `page_offsets` says for each page of the chunk table where its first present chunk begins in this
    payload; the absent chunks are found by their plaintext digest in the same-named component of the
    installed release with manifest digest `base`.
    """

    NAME: ClassVar[str] = "present"

    runs: tuple[Run, ...] = key(1, Many(Nested(Run), limits.MAX_RUNS))
    page_offsets: tuple[int, ...] = key(2, Many(Uint(), limits.MAX_PAGES, 1))
    base: bytes = key(3, DIGEST)

    def check(self, path: str) -> None:
        end = -1
        for run in self.runs:
            if run.first <= end:
                raise malformed(path, "runs overlap, touch or are out of order")
            end = run.first + run.count
        if end > MAX_UINT:
            raise malformed(path, "runs reach past 2^63 - 1")


@record
class Envelope(Record):
    """The payload of the COSE_Sign1 object in ENVELOPE.CBR."""

    NAME: ClassVar[str] = "envelope"
    LIMIT: ClassVar[int] = limits.MAX_ENVELOPE
    CONTENT_TYPE: ClassVar[str] = "application/vnd.updatebox.envelope+cbor"

    format: int = key(1, FORMAT)
    kind: EnvelopeKind = key(2, Number(EnvelopeKind))
    package_id: bytes = key(3, IDENTIFIER)
    manifest_digest: bytes = key(4, DIGEST)
    issued_at: int = key(5, TIME)
    expires: int = key(6, TIME)
    crl_numbers: tuple[CrlNumber, ...] = key(7, CRL_NUMBERS)
    cipher: Cipher = key(8, Number(Cipher))
    payload_length: int = key(9, Uint())
    segment_size: int = key(10, Uint(limits.MIN_SEGMENT_SIZE, limits.MAX_SEGMENT_SIZE))
    present: Present | None = key(11, Nested(Present), default=None)
    recipients: tuple[Recipient, ...] = key(12, Many(Nested(Recipient), limits.MAX_RECIPIENTS))

    def check(self, path: str) -> None:
        if self.expires < self.issued_at:
            raise malformed(path, "expires before it is issued")
        if self.segment_size % limits.SEGMENT_UNIT:
            raise malformed(path, f"segment_size must be a multiple of {limits.SEGMENT_UNIT}")
        if self.segments > limits.MAX_SEGMENTS:
            raise malformed(path, f"{self.segments} segments, at most {limits.MAX_SEGMENTS}")
        sealed = self.cipher is not Cipher.NONE
        if sealed and not self.recipients:
            raise malformed(path, "an encrypted package without recipients")
        for recipient in self.recipients:
            if bool(recipient.wraps) != sealed or bool(recipient.wrapped_key) != sealed:
                raise malformed(path, "recipients must carry wrapped keys exactly when there is a cipher")
            if (recipient.device is not None) != (self.kind is EnvelopeKind.DELIVERY):
                raise malformed(path, "recipients must be devices in a delivery and boxes in a release")

    @property
    def segments(self) -> int:
        """How many payload files there are."""
        return -(-self.payload_length // self.segment_size)
