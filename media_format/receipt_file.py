"""A file of many receipts, as a box exports and a vendor imports it: their COSE objects in a CBOR array.

Where a person exports it, the box signs the array, with its own name and the time: then it says who brings
them, and none can be left out on the way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from media_format import cbor, limits
from media_format.objects.manifest import FORMAT, SHORT
from media_format.wire import TIME, Blob, Many, Record, key, record

NAME: Final = "receipts file"
MAX_FILE: Final = 256 * limits.MIB
"""Bytes of one file."""
MAX_RECEIPTS: Final = cbor.MAX_ITEMS - 1
"""Receipts in one file."""
MAX_SIGNED_RECEIPTS: Final = 131_000
"""Receipts in one file that is signed."""

_RECEIPT: Final = Blob(1, limits.MAX_RECEIPT + limits.MAX_SIGN1_OVERHEAD)
_RECEIPTS: Final = Many(_RECEIPT, MAX_RECEIPTS)
_SIGN1: Final = b"\xd2"
"""How a COSE_Sign1 object begins (RFC 8949, 3.4: tag 18)."""


@record
class ReceiptCollection(Record):
    """The payload of the COSE_Sign1 object in a signed receipts file."""

    NAME: ClassVar[str] = "receipt collection"
    LIMIT: ClassVar[int] = MAX_FILE
    CONTENT_TYPE: ClassVar[str] = "application/vnd.updatebox.receipts+cbor"

    format: int = key(1, FORMAT)
    box: str = key(2, SHORT)
    created: int = key(3, TIME)
    receipts: tuple[bytes, ...] = key(4, Many(_RECEIPT, MAX_SIGNED_RECEIPTS))


def encode_receipts(receipts: Iterable[bytes]) -> bytes:
    """The file that holds these receipts, unsigned."""
    return cbor.encode(list(receipts))


def decode_receipts(data: bytes) -> tuple[bytes, ...]:
    """The receipts in a file that is not signed, none of them verified. Refusal(malformed) or (too-large)."""
    return _RECEIPTS.decode(cbor.decode(data, MAX_FILE, NAME), NAME)


def is_signed(data: bytes) -> bool:
    """Whether a receipts file is a COSE_Sign1 object."""
    return data.startswith(_SIGN1)
