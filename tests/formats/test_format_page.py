"""docs/format.md says what the code does: fields, limits, object identifiers, algorithms, dumps."""

from __future__ import annotations

import dataclasses
import re

import pytest

from appliance.trust import bundle, profile
from appliance.trust.purpose import ARC, Purpose
from media_format import cose, limits, objects, receipt_file
from media_format.objects import Receipt
from media_format.payload.context import payload_context, recipient_info
from media_format.payload.hpke import ENCAPSULATION
from media_format.wire import Record
from tests.formats import format_page
from tests.formats.shape_words import words
from tests.formats.vector_files import vectors

RECORDS = [
    kind
    for name in objects.__all__
    if isinstance(kind := getattr(objects, name), type) and issubclass(kind, Record)
]


@pytest.mark.parametrize("kind", RECORDS)
def test_every_field_stands_in_its_table_with_its_limits(kind: type[Record]) -> None:
    stated = [row[:3] for row in format_page.rows(format_page.section(kind.NAME[0].upper() + kind.NAME[1:]))]
    assert stated == [
        [
            f"{field.metadata['key']}{'?' if field.default is None else ''}",
            field.name,
            words(field.metadata["shape"]),
        ]
        for field in dataclasses.fields(kind)
        if "key" in field.metadata
    ]


def test_every_limit_stands_in_the_table_of_limits() -> None:
    stated = {row[0]: int(row[1]) for row in format_page.rows(format_page.section("13 Limits"))}
    units = {"KIB", "MIB", "GIB"}
    assert stated == {
        name: value for name, value in vars(limits).items() if name.isupper() and name not in units
    }


def test_every_content_type_and_algorithm_stands_in_the_text() -> None:
    cells = [cell for row in format_page.rows(format_page.section("3 Signatures")) for cell in row]
    types = [kind.CONTENT_TYPE for kind in RECORDS if hasattr(kind, "CONTENT_TYPE")]
    assert [cell for cell in cells if cell.startswith("application/")] == [
        f"application/vnd.updatebox.{name}+cbor"
        for name in ("manifest", "envelope", "request", "receipt", "directive", "enrolment")
    ]
    assert set(types) <= set(cells)
    assert {str(int(algorithm)) for algorithm in cose.Algorithm} <= set(cells)


def test_every_object_identifier_stands_in_the_text() -> None:
    text = format_page.section("4 Certificates")
    assert ARC in text
    stated = {row[0]: row[1] for row in format_page.rows(text)}
    for purpose in Purpose:
        assert stated[f"A.1.{purpose.value}"].lower() == purpose.words
        issuer = next(row for row in format_page.rows(text) if row[0] == f"A.1.{purpose.value}")[2]
        assert issuer.lower() == (purpose.issuer.words if purpose.issuer else "root")
    for number, oid in enumerate(
        (profile.ROLE_IDENTITY, profile.RELEASE_BINDING, profile.DEVICE_KIND, profile.XWING_HALF), 1
    ):
        assert oid.dotted_string == f"{ARC}.2.{number}"
        assert f"A.2.{number}" in text


def test_the_mechanisms_and_their_sizes_stand_in_the_text() -> None:
    stated = {row[0]: row for row in format_page.rows(format_page.section("8 Wrapped content keys"))}
    assert set(stated) == {f"{int(kem)} (0x{int(kem):04x})" for kem in objects.Kem}
    assert stated["16 (0x0010)"][3] == f"{ENCAPSULATION[objects.Kem.P256]} bytes"
    halves = re.search(r"(\d+) \+ (\d+) bytes$", stated["25722 (0x647a)"][3])
    assert halves and sum(map(int, halves.groups())) == ENCAPSULATION[objects.Kem.XWING]


def test_the_bounds_of_the_files_that_go_by_hand_stand_in_the_text() -> None:
    text = format_page.section("11 Bundle and receipts file")
    for bound in (bundle.MAX_BUNDLE, receipt_file.MAX_RECEIPTS, receipt_file.MAX_FILE):
        assert f" {bound} " in text
    bundles, _ = text.split("A **receipts file**")
    labels = {row[0] for row in format_page.rows(bundles)}
    assert labels == {bundle.ANCHOR_LABEL, bundle.CERTIFICATE_LABEL, bundle.CRL_LABEL}


def test_the_codecs_stand_in_the_text() -> None:
    stated = {row[0] for row in format_page.rows(format_page.section("6 Chunk table"))}
    assert stated == {f"{int(codec)} {codec.name.lower()}" for codec in objects.Codec}


def test_the_dumps_are_what_the_code_writes() -> None:
    (receipt,) = (
        vector for vector in vectors("objects") if vector.name.startswith("the first receipt of a device")
    )
    assert format_page.dump("cbor") == receipt.data == Receipt.from_bytes(receipt.data).to_bytes()
    package_id, manifest_digest, key_id = bytes(range(16)), bytes(range(32)), bytes(range(32, 64))
    assert format_page.dump("context") == payload_context(package_id, manifest_digest)
    info = recipient_info(package_id, manifest_digest, key_id, "pump-17", 1, None)
    assert format_page.dump("info") == info
