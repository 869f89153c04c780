"""A file of many receipts, as it goes from a box to the vendor."""

from __future__ import annotations

import pytest

from media_format import cbor, limits
from media_format.receipt_file import MAX_RECEIPTS, decode_receipts, encode_receipts
from media_format.refusal import Code, Refusal

LONGEST = limits.MAX_RECEIPT + limits.MAX_SIGN1_OVERHEAD


@pytest.mark.parametrize("receipts", [(), (b"one",), (b"one", b"two", bytes(LONGEST))])
def test_what_a_box_exports_the_vendor_reads(receipts: tuple[bytes, ...]) -> None:
    assert decode_receipts(encode_receipts(receipts)) == receipts


def test_as_many_receipts_as_the_page_says_are_read() -> None:
    most = (b"r",) * MAX_RECEIPTS
    assert decode_receipts(encode_receipts(most)) == most


@pytest.mark.parametrize(
    ("value", "code"),
    [
        pytest.param({0: b"one"}, Code.MALFORMED, id="a map"),
        pytest.param(b"one", Code.MALFORMED, id="one receipt alone"),
        pytest.param(["one"], Code.MALFORMED, id="text"),
        pytest.param([b""], Code.MALFORMED, id="an empty receipt"),
        pytest.param([bytes(LONGEST + 1)], Code.MALFORMED, id="a receipt longer than any"),
        pytest.param([b"r"] * (MAX_RECEIPTS + 1), Code.TOO_LARGE, id="a receipt too many"),
    ],
)
def test_other_files_are_refused(value: cbor.Value, code: Code) -> None:
    with pytest.raises(Refusal) as caught:
        decode_receipts(cbor.encode(value))
    assert caught.value.code is code
