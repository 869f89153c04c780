"""A file of many receipts, as a box exports and a vendor imports it: their COSE objects in a CBOR array."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from media_format import cbor, limits
from media_format.wire import Blob, Many

NAME: Final = "receipts file"
MAX_FILE: Final = 256 * limits.MIB
"""Bytes of one file."""
MAX_RECEIPTS: Final = cbor.MAX_ITEMS - 1
"""Receipts in one file."""

_RECEIPTS: Final = Many(Blob(1, limits.MAX_RECEIPT + limits.MAX_SIGN1_OVERHEAD), MAX_RECEIPTS)


def encode_receipts(receipts: Iterable[bytes]) -> bytes:
    """The file that holds these receipts."""
    return cbor.encode(list(receipts))


def decode_receipts(data: bytes) -> tuple[bytes, ...]:
    """The receipts in a file, none of them verified. Refusal(malformed) or (too-large)."""
    return _RECEIPTS.decode(cbor.decode(data, MAX_FILE, NAME), NAME)
