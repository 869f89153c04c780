"""The enrolment request: a new box or device shows its public keys and asks for certificates."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from media_format import limits
from media_format.objects.manifest import FORMAT, SHORT
from media_format.wire import Blob, Nested, Record, Uint, Word, key, malformed, record

SPKI = Blob(64, 512)
"""A SubjectPublicKeyInfo in DER (RFC 5280, 4.1.2.7)."""
XWING_PUBLIC = Blob(1216, 1216)
"""ML-KEM-768 encapsulation key (1184 bytes) followed by an X25519 public key (32 bytes)."""


class Role(StrEnum):
    """Who enrols."""

    BOX = "box"
    DEVICE = "device"


@record
class EncryptionKey(Record):
    """The public halves of a decryption key; where both are there, both must open."""

    NAME: ClassVar[str] = "encryption key"

    p256: bytes = key(1, SPKI)
    xwing: bytes | None = key(2, XWING_PUBLIC, default=None)


@record
class DeviceKind(Record):
    """What a device is."""

    NAME: ClassVar[str] = "device kind"

    product: str = key(1, SHORT)
    line: str = key(2, SHORT)
    hardware: str = key(3, SHORT)


@record
class EnrolmentRequest(Record):
    """The payload of a COSE_Sign1 object signed by the identity key it names; its header holds no chain."""

    NAME: ClassVar[str] = "enrolment request"
    LIMIT: ClassVar[int] = limits.MAX_ENROLMENT
    CONTENT_TYPE: ClassVar[str] = "application/vnd.updatebox.enrolment+cbor"

    format: int = key(1, FORMAT)
    role: Role = key(2, Word(Role))
    id: str = key(3, SHORT)
    epoch: int = key(4, Uint(0, 2**32 - 1))
    device: DeviceKind | None = key(5, Nested(DeviceKind), default=None)
    identity: bytes = key(6, SPKI)
    encryption: EncryptionKey = key(7, Nested(EncryptionKey))
    attestation: bytes | None = key(8, Blob(1, 16384), default=None)
    challenge: bytes | None = key(9, Blob(1, 64), default=None)

    def check(self, path: str) -> None:
        if (self.device is not None) != (self.role is Role.DEVICE):
            raise malformed(path, "a device, and only a device, says what kind it is")
