"""docs/format.cddl allows what the code writes, refuses what the code refuses, and names the same fields."""

from __future__ import annotations

import dataclasses
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_format import cbor, limits, objects
from media_format.payload.context import payload_context, recipient_info
from media_format.receipt_file import ReceiptCollection, encode_receipts
from media_format.refusal import Code, Refusal
from media_format.wire import Record
from tests.formats import cddl, strategies
from tests.formats.spoiled import spoiled
from tests.formats.vector_files import vectors
from tests.formats.vector_makers.objects import VALID

RECORDS = [
    kind
    for name in objects.__all__
    if isinstance(kind := getattr(objects, name), type) and issubclass(kind, Record)
]
_RULES = {kind.NAME: cddl.rule_of(kind) for kind in strategies.OBJECTS}

# Refused by rules that stand between fields or are about the meaning of values: CDDL cannot tell.
_BEYOND = {
    "a manifest with a critical extension",
    "a manifest whose version turns the direction of writing",
    "a manifest with a line feed in its version",
    "a manifest with a floor above its index",
    "a manifest with two components of one name",
    "a manifest with a page too few",
    "a manifest to be installed before it was created",
    "a manifest with a chunk size that is no power of two",
    "a manifest with a component that reaches past 2^63",
    "an envelope that expires before it is issued",
    "an envelope whose segments end within a page",
    "an envelope of 1001 segments",
    "an encrypted package for nobody",
    "a wrapped key where nothing is encrypted",
    "a release for a device",
    "a delivery for a box",
    "runs that touch",
    "a refusal without a code",
    "a success with a code",
    "an anchor with a rule for a family without a root",
    "a box that says what device it is",
    "a device that does not say what it is",
    "a directive with two orders",
    "a directive without its order's field",
    "a root that no other root vouches for",
    "a directive that entitles a device",
    "an entitlement that names no device",
    "an entitlement with half a range",
    "an entitlement for ids of two lengths",
    "an entitlement whose range ends before it begins",
}


@pytest.mark.parametrize("kind", strategies.OBJECTS)
@given(data=st.data())
def test_the_cddl_allows_every_object_that_the_code_writes(kind: type[Record], data: st.DataObject) -> None:
    assert cddl.allows(cddl.rule_of(kind), data.draw(strategies.record(kind)).to_bytes())


def _spoiled_examples() -> list[Any]:
    return [
        pytest.param(type(made), fields, id=f"{name}, {what}")
        for name, made in VALID
        for what, fields in spoiled(type(made), made.to_map())
    ]


@pytest.mark.parametrize(("kind", "fields"), _spoiled_examples())
def test_code_and_cddl_refuse_the_same_wrong_fields(kind: type[Record], fields: dict[int | str, Any]) -> None:
    data = cbor.encode(fields)
    with pytest.raises(Refusal):
        kind.from_bytes(data)
    assert not cddl.allows(cddl.rule_of(kind), data)


@pytest.mark.parametrize("vector", vectors("objects"), ids=lambda vector: vector.name)
def test_the_cddl_judges_the_object_vectors_as_far_as_it_can(vector: Any) -> None:
    allowed = vector["refusal"] is None or vector.name in _BEYOND
    assert cddl.allows(_RULES[vector["kind"]], vector.data) is allowed


@pytest.mark.parametrize("vector", vectors("signed"), ids=lambda vector: vector.name)
def test_the_cddl_judges_the_form_of_signed_vectors(vector: Any) -> None:
    # What only a key can tell is well formed, and pycddl does not count arrays in an array. The receipts that
    # verify carry a bag, which no receipt may.
    well_formed = (
        vector["refusal"] == Code.SIGNATURE_INVALID or vector.name == "a manifest with nine signatures"
    )
    allowed = well_formed or (vector["refusal"] is None and vector["kind"] == "manifest")
    assert cddl.allows_file(f"{vector['kind']}-file", vector.data) is allowed


@pytest.mark.parametrize("vector", vectors("packages"), ids=lambda vector: vector.name)
def test_the_cddl_allows_the_files_of_every_package_vector(vector: Any) -> None:
    package = vector["package"]
    assert cddl.allows_file("manifest-file", vector.file(package["MANIFEST.CBR"]))
    assert cddl.allows_file("envelope-file", vector.file(package["ENVELOPE.CBR"]))
    assert cddl.allows("trust-anchor", vector.file(vector["anchor"]))


def test_the_cddl_states_the_bindings() -> None:
    assert cddl.allows("payload-context", payload_context(bytes(16), bytes(32)))
    for device in ((None, None, None), ("pump-17", 1, None), ("pump-17", 1, bytes(32))):
        assert cddl.allows("recipient-info", recipient_info(bytes(16), bytes(32), bytes(32), *device))
    assert not cddl.allows(
        "payload-context", recipient_info(bytes(16), bytes(32), bytes(32), None, None, None)
    )
    for halves in ([bytes(91), None], [None, bytes(1216)], [bytes(91), bytes(1216)]):
        assert cddl.allows("recipient-key", cbor2.dumps(halves))


@pytest.mark.parametrize("kind", RECORDS)
def test_the_cddl_names_every_field_of_a_record_and_no_other(kind: type[Record]) -> None:
    stated = {
        field.metadata["key"]: (field.name, field.default is None)
        for field in dataclasses.fields(kind)
        if "key" in field.metadata
    }
    assert cddl.fields(cddl.rule_of(kind)) == stated
    assert cddl.is_extensible(cddl.rule_of(kind))


def test_the_cddl_states_the_receipts_file() -> None:
    longest = limits.MAX_RECEIPT + limits.MAX_SIGN1_OVERHEAD
    assert cddl.allows("receipts-file", encode_receipts([b"a receipt", bytes(longest)]))
    assert not cddl.allows("receipts-file", encode_receipts([bytes(longest + 1)]))
    assert not cddl.allows("receipts-file", encode_receipts([b""]))


def test_the_cddl_states_what_a_box_signs_of_receipts() -> None:
    longest = limits.MAX_RECEIPT + limits.MAX_SIGN1_OVERHEAD
    made = ReceiptCollection(format=1, box="BOX-1", created=1, receipts=(b"a receipt", bytes(longest)))
    assert cddl.allows("receipt-collection", made.to_bytes())
    fields = made.to_map()
    wrong: list[tuple[int, cbor.Value]] = [(1, 2), (2, ""), (3, -1), (4, [b""])]
    for key, value in wrong:
        assert not cddl.allows("receipt-collection", cbor.encode({**fields, key: value}))


def test_every_refusal_code_stands_in_the_cddl() -> None:
    for code in Code:
        assert f'"{code}"' in cddl.TEXT
