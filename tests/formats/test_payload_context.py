"""The bindings: byte for byte what the specification says, and different wherever anything differs."""

from __future__ import annotations

import cbor2
from hypothesis import given
from hypothesis import strategies as st

from media_format.payload.context import payload_context, recipient_info

PACKAGE = bytes.fromhex("00112233445566778899aabbccddeeff")
MANIFEST = bytes(range(32))
KEY_ID = bytes(range(32, 64))
NONCE = bytes(range(64, 96))


def test_a_payload_is_bound_to_its_package_and_release() -> None:
    expected = ["updatebox payload", 1, PACKAGE, MANIFEST]
    assert payload_context(PACKAGE, MANIFEST) == cbor2.dumps(expected, canonical=True)


def test_a_wrapped_key_is_bound_to_package_release_key_device_epoch_and_nonce() -> None:
    expected = ["updatebox recipient", 1, PACKAGE, MANIFEST, KEY_ID, "press-17", 3, NONCE]
    info = recipient_info(PACKAGE, MANIFEST, KEY_ID, "press-17", 3, NONCE)
    assert info == cbor2.dumps(expected, canonical=True)


def test_a_box_has_no_device_in_its_binding() -> None:
    info = recipient_info(PACKAGE, MANIFEST, KEY_ID, None, None, None)
    assert cbor2.loads(info)[5:] == [None, None, None]


def test_the_encoding_is_the_one_of_the_specification() -> None:
    assert payload_context(b"\x01", b"\x02") == b"\x84\x71updatebox payload\x01\x41\x01\x41\x02"
    assert recipient_info(b"\x01", b"\x02", b"\x03", "d", 4, None) == (
        b"\x88\x73updatebox recipient\x01\x41\x01\x41\x02\x41\x03\x61d\x04\xf6"
    )


BINDINGS = st.tuples(
    st.binary(max_size=3),
    st.binary(max_size=3),
    st.binary(max_size=3),
    st.none() | st.text(max_size=2),
    st.none() | st.integers(0, 300),
    st.none() | st.binary(max_size=3),
)


@given(first=BINDINGS, second=BINDINGS)
def test_different_bindings_never_share_an_encoding(first: tuple, second: tuple) -> None:  # type: ignore[type-arg]
    assert (recipient_info(*first) == recipient_info(*second)) == (first == second)
