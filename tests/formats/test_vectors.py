"""The test vectors, kind by kind: each is read as its index says, or refused with its code."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key

from appliance.trust.pages import verify_page
from appliance.trust.profile import spki
from media_format import cbor, cose
from media_format.objects import Codec, Manifest, Receipt, Recipient
from media_format.payload.chunks import decode_chunk
from media_format.payload.cobblestone import Opener, RandomAccess
from media_format.payload.context import payload_context
from media_format.payload.recipients import RecipientKey
from media_format.sealing import open_recipient
from tests.formats import strategies
from tests.formats.vector_files import FOLDER, KINDS, PrivateKeys, Vector, vectors

_RECORDS = {kind.NAME: kind for kind in strategies.OBJECTS}


def each(kind: str) -> pytest.MarkDecorator:
    found = vectors(kind)
    return pytest.mark.parametrize("vector", found, ids=[vector.name for vector in found])


@each("encoding")
def test_every_encoding_has_one_value_and_every_value_one_encoding(vector: Vector) -> None:
    with vector.judged():
        assert cbor.encode(cbor.decode(vector.data, 1024, "vector")) == vector.data


@each("objects")
def test_every_object_is_read_and_written_as_it_was(vector: Vector) -> None:
    kind = _RECORDS[vector["kind"]]
    with vector.judged():
        assert kind.from_bytes(vector.data).to_bytes() == vector.data


@each("signed")
def test_every_signature_is_verified_with_its_key(vector: Vector) -> None:
    with vector.judged():
        if vector["kind"] == "manifest":
            signed = cose.read_sign(vector.data, Manifest.CONTENT_TYPE, Manifest.LIMIT)
        else:
            signed = cose.read_sign1(vector.data, Receipt.CONTENT_TYPE, Receipt.LIMIT)
        for signature, key in zip(signed.signatures, vector["keys"], strict=True):
            signature.verify(load_der_public_key(bytes.fromhex(key)))


@each("pages")
def test_every_page_is_held_against_its_manifest(vector: Vector) -> None:
    manifest = Manifest.from_bytes(vector.unhex("manifest"))
    with vector.judged():
        page = verify_page(manifest, vector["page"], vector.data)
        assert (list(page.offsets[:8]), page.end) == (vector["offsets"], vector["end"])


@each("chunks")
def test_every_chunk_is_recovered_from_its_stored_form(vector: Vector) -> None:
    with vector.judged():
        plain = decode_chunk(Codec(vector["codec"]), vector.unhex("stored"), vector["length"])
        assert hashlib.sha256(plain).hexdigest() == vector["sha256"]


@each("payload")
def test_every_payload_is_opened_from_its_beginning(vector: Vector) -> None:
    context = payload_context(vector.unhex("package_id"), vector.unhex("manifest_digest"))
    assert context == vector.unhex("context")
    with vector.judged():
        opener = Opener(vector.unhex("content_key"), context)
        plain = opener.update(vector.data) + opener.finalize()
        assert hashlib.sha256(plain).hexdigest() == vector["sha256"]


@each("payload")
def test_every_payload_is_opened_at_any_place(vector: Vector) -> None:
    data = vector.data
    with vector.judged():
        payload = RandomAccess(
            vector.unhex("content_key"), vector.unhex("context"), len(data), lambda at, n: data[at : at + n]
        )
        whole = payload.read(0, payload.length)
        payload.check_end()
        assert hashlib.sha256(whole).hexdigest() == vector["sha256"]
        for part in vector["reads"]:
            plain = payload.read(part["offset"], part["length"])
            assert hashlib.sha256(plain).hexdigest() == part["sha256"]


@each("recipients")
def test_every_content_key_is_unwrapped_with_its_private_key(vector: Vector) -> None:
    private = PrivateKeys(vector["private"])
    key = RecipientKey(spki(private.p256), private.xwing)
    recipient = Recipient.from_bytes(vector.unhex("recipient"))
    with vector.judged():
        found = open_recipient(
            recipient, vector.unhex("package_id"), vector.unhex("manifest_digest"), key, private.open_layer
        )
        assert (found, recipient.key_id) == (vector.unhex("content_key"), key.key_id)


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_belongs_to_a_vector_and_every_kind_shows_both_ways(kind: str) -> None:
    named = {"index.json"}
    for vector in vectors(kind):
        named |= {vector[name] for name in ("file", "anchor") if name in vector.fields}
        named |= {*vector.fields.get("package", {}).values(), *vector.fields.get("crls", ())}
    stored = {str(path.relative_to(FOLDER / kind)) for path in (FOLDER / kind).rglob("*") if path.is_file()}
    assert stored == named
    assert {vector["refusal"] is None for vector in vectors(kind)} == {True, False}


def test_the_vectors_stay_small_and_tell_themselves_apart() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 2 * 1024 * 1024
    for kind in KINDS:
        names = [vector.name for vector in vectors(kind)]
        assert len(set(names)) == len(names)
