"""The objects: what they allow, what they refuse, and the arithmetic that readers share."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media_format import cbor, limits, objects
from media_format.refusal import Code, Refusal
from media_format.wire import CRITICAL_KEY, OPTIONAL_KEY, Record, Text
from tests.formats import strategies

DIGEST = bytes(32)


def plain(made: Any) -> Any:
    """A record without extensions, here and inside: an array in one is a list once it was read."""
    if isinstance(made, tuple):
        return tuple(plain(item) for item in made)
    if not isinstance(made, Record):
        return made
    fields = {field.name: plain(getattr(made, field.name)) for field in dataclasses.fields(made)}
    return {**fields, "optional": ()}


def refused(code: Code, kind: type[Record], fields: dict[int | str, cbor.Value]) -> None:
    with pytest.raises(Refusal) as caught:
        kind.from_bytes(cbor.encode(fields))
    assert caught.value.code is code


@pytest.mark.parametrize("kind", strategies.OBJECTS)
@given(data=st.data())
def test_every_object_survives_encoding_and_decoding(kind: type[Record], data: st.DataObject) -> None:
    made = data.draw(strategies.record(kind))
    encoded = made.to_bytes()
    assert kind.from_bytes(encoded).to_bytes() == encoded
    assert plain(kind.from_bytes(encoded)) == plain(made)


@pytest.mark.parametrize("kind", strategies.OBJECTS)
@given(data=st.data())
def test_a_changed_object_is_refused_with_the_right_code(kind: type[Record], data: st.DataObject) -> None:
    fields = data.draw(strategies.record(kind)).to_map()
    required = [
        f.metadata["key"] for f in dataclasses.fields(kind) if "key" in f.metadata and f.default is not None
    ]
    without = data.draw(st.sampled_from(required))
    refused(Code.MALFORMED, kind, {number: fields[number] for number in fields if number != without})
    refused(Code.MALFORMED, kind, {**fields, 29: 0})
    refused(Code.MALFORMED, kind, {**fields, "1": 0})
    refused(Code.MALFORMED, kind, {**fields, OPTIONAL_KEY: {}})
    refused(Code.MALFORMED, kind, {**fields, OPTIONAL_KEY: None})
    refused(Code.MALFORMED, kind, {**fields, CRITICAL_KEY: None})
    refused(Code.MALFORMED, kind, {**fields, OPTIONAL_KEY: {"a": 1}})
    refused(Code.MALFORMED, kind, {**fields, OPTIONAL_KEY: {-1: 1}})
    refused(Code.MALFORMED, kind, {**fields, OPTIONAL_KEY: {2**63: 1}})
    refused(Code.UNSUPPORTED_FORMAT, kind, {**fields, CRITICAL_KEY: {7: True}})
    place = data.draw(st.sampled_from(sorted(fields.keys() - {CRITICAL_KEY, OPTIONAL_KEY}, key=str)))
    refused(Code.MALFORMED, kind, {**fields, place: None})
    refused(Code.MALFORMED, kind, {**fields, place: cbor.Tag(1, fields[place])})


@pytest.mark.parametrize("kind", strategies.OBJECTS)
def test_what_is_no_map_is_no_object(kind: type[Record]) -> None:
    nothings: tuple[cbor.Value, ...] = (None, True, 0, b"", "", [], cbor.Tag(1, {}))
    for value in nothings:
        with pytest.raises(Refusal) as caught:
            kind.from_bytes(cbor.encode(value))
        assert caught.value.code is Code.MALFORMED


@pytest.mark.parametrize("kind", [kind for kind in strategies.OBJECTS if kind is not objects.ChunkPage])
@given(data=st.data())
def test_another_version_is_an_unsupported_format_whatever_else_it_holds(
    kind: type[Record], data: st.DataObject
) -> None:
    fields = data.draw(strategies.record(kind)).to_map()
    refused(Code.UNSUPPORTED_FORMAT, kind, {**fields, 1: 2, 2: "something new", 28: 0})
    refused(Code.UNSUPPORTED_FORMAT, kind, {1: 2})
    refused(Code.UNSUPPORTED_FORMAT, kind, {1: 2, OPTIONAL_KEY: [], CRITICAL_KEY: None})


@given(made=strategies.record(objects.Receipt), extra=st.dictionaries(st.integers(0, 99), strategies.values))
def test_optional_extensions_are_kept_and_change_nothing_else(
    made: objects.Receipt, extra: dict[int, cbor.Value]
) -> None:
    extended = dataclasses.replace(made, optional=tuple(sorted(extra.items())))
    read = objects.Receipt.from_bytes(extended.to_bytes())
    assert read.to_bytes() == extended.to_bytes()
    assert dataclasses.replace(read, optional=()) == dataclasses.replace(made, optional=())


def test_an_extension_that_could_not_be_read_back_is_not_written() -> None:
    made = receipt(objects.Outcome.CONFIRMED, None)
    for number in (-1, 2**63):
        with pytest.raises(Refusal):
            dataclasses.replace(made, optional=((number, 1),)).to_bytes()


@pytest.mark.parametrize("kind", strategies.OBJECTS)
def test_an_object_above_its_size_is_too_large_before_it_is_decoded(kind: type[Record]) -> None:
    with pytest.raises(Refusal) as caught:
        kind.from_bytes(b"\xff" * (kind.LIMIT + 1))
    assert caught.value.code is Code.TOO_LARGE


def receipt(outcome: objects.Outcome, code: Code | None) -> objects.Receipt:
    return objects.Receipt(
        format=1,
        device_id="d",
        epoch=1,
        counter=1,
        outcome=outcome,
        code=code,
        time=objects.ReceiptTime(source="rtc", started=1, finished=2),
        duration_ms=1,
    )


def component(**changes: Any) -> objects.Component:
    fields: dict[str, Any] = {
        "name": "a",
        "kind": objects.ComponentKind.IMAGE,
        "slot": "system",
        "offset": 0,
        "size": 1,
        "chunk_size": 4096,
        "digest": DIGEST,
    }
    return objects.Component(**{**fields, **changes})


def manifest(**changes: Any) -> objects.Manifest:
    fields: dict[str, Any] = {
        "format": 1,
        "release_id": bytes(16),
        "product": "p",
        "line": "l",
        "version": "1",
        "index": 5,
        "security_floor": 5,
        "hardware": ("h",),
        "components": (component(),),
        "pages": (objects.PageReference(digest=DIGEST, length=1),),
        "stored_size": 0,
        "created": 100,
        "install_by": 100,
        "crl_numbers": (),
        "notes": "",
    }
    return objects.Manifest(**{**fields, **changes})


def envelope(**changes: Any) -> objects.Envelope:
    fields: dict[str, Any] = {
        "format": 1,
        "kind": objects.EnvelopeKind.DELIVERY,
        "package_id": bytes(16),
        "manifest_digest": DIGEST,
        "issued_at": 100,
        "expires": 100,
        "crl_numbers": (),
        "cipher": objects.Cipher.COBBLESTONE_256,
        "payload_length": 72,
        "segment_size": limits.MIN_SEGMENT_SIZE,
        "recipients": (recipient(),),
    }
    return objects.Envelope(**{**fields, **changes})


def recipient(**changes: Any) -> objects.Recipient:
    fields: dict[str, Any] = {
        "key_id": DIGEST,
        "wraps": (objects.Wrap(kem=objects.Kem.P256, encapsulation=bytes(65)),),
        "wrapped_key": bytes(48),
        "device": objects.DeviceBinding(id="d", epoch=0),
    }
    return objects.Recipient(**{**fields, **changes})


def runs(*pairs: tuple[int, int]) -> objects.Present:
    found = tuple(objects.Run(first=first, count=count) for first, count in pairs)
    return objects.Present(runs=found, page_offsets=(0,), base=DIGEST)


def test_the_examples_of_the_rules_are_valid() -> None:
    for made in (receipt(objects.Outcome.FAILED, Code.TRUNCATED), component(), manifest(), envelope()):
        assert type(made).from_bytes(made.to_bytes()) == made


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(component(chunk_size=4097), id="a chunk size that is no power of two"),
        pytest.param(component(offset=2**63 - 1), id="a component that reaches past 2^63"),
        pytest.param(
            manifest(components=(component(), component(slot="b"))), id="two components of one name"
        ),
        pytest.param(manifest(pages=manifest().pages * 2), id="more pages than the components have"),
        pytest.param(manifest(security_floor=6), id="a floor above the release's own index"),
        pytest.param(manifest(install_by=99), id="an install-by date before creation"),
        pytest.param(envelope(expires=99), id="an envelope that expires before it is issued"),
        pytest.param(envelope(payload_length=1000 * limits.MIN_SEGMENT_SIZE + 1), id="1001 segments"),
        pytest.param(envelope(segment_size=65537), id="a boundary within a page"),
        pytest.param(envelope(recipients=()), id="an encrypted package for nobody"),
        pytest.param(envelope(recipients=(recipient(wraps=()),)), id="a recipient without wraps"),
        pytest.param(envelope(recipients=(recipient(wrapped_key=b""),)), id="a recipient without a key"),
        pytest.param(envelope(cipher=objects.Cipher.NONE), id="a wrapped key where nothing is encrypted"),
        pytest.param(envelope(recipients=(recipient(device=None),)), id="a delivery to nobody in particular"),
        pytest.param(envelope(kind=objects.EnvelopeKind.RELEASE), id="a release for a device"),
        pytest.param(runs((5, 1), (1, 1)), id="runs out of order"),
        pytest.param(runs((0, 2), (1, 1)), id="runs that overlap"),
        pytest.param(runs((0, 2), (2, 1)), id="runs that touch"),
        pytest.param(runs((2**62, 2**62)), id="runs that reach past 2^63"),
        pytest.param(
            objects.Wrap(kem=objects.Kem.XWING, encapsulation=bytes(65)),
            id="an encapsulation of another mechanism",
        ),
        pytest.param(receipt(objects.Outcome.REFUSED, None), id="a refusal without a code"),
        pytest.param(receipt(objects.Outcome.INSTALLED, Code.REVOKED), id="a success with a code"),
    ],
)
def test_rules_between_fields_are_kept_by_reader_and_writer(made: Record) -> None:
    unchecked = type("Unchecked", (type(made),), {"check": lambda self, path: None})
    fields = {f.name: getattr(made, f.name) for f in dataclasses.fields(made)}
    if made.__class__ in (objects.Component, objects.Present, objects.Wrap, objects.Receipt):
        refused(Code.MALFORMED, type(made), unchecked(**fields).to_map())
    with pytest.raises(Refusal) as caught:
        made.to_bytes()
    assert caught.value.code is Code.MALFORMED


@pytest.mark.parametrize(
    "hidden",
    [
        "\x00",
        "\t",
        "\r",
        "\x1b",
        "\x7f",
        "\x9b",
        "\u200b",
        "\u202e",
        "\u2028",
        "\u2066",
        "\ufeff",
        "\U000e0041",
    ],
)
def test_characters_that_deceive_people_are_refused(hidden: str) -> None:
    for shape in (Text(64), Text(64, lines=True)):
        with pytest.raises(Refusal):
            shape.decode(f"a{hidden}b", "text")


def test_a_line_feed_stands_in_notes_only() -> None:
    assert Text(64, lines=True).decode("a\nb", "notes") == "a\nb"
    with pytest.raises(Refusal):
        Text(64).decode("a\nb", "name")


def test_text_is_measured_in_bytes() -> None:
    assert Text(4).decode("éé", "name") == "éé"
    with pytest.raises(Refusal):
        Text(4).decode("ééa", "name")


def test_a_lone_surrogate_is_refused_and_no_crash() -> None:
    with pytest.raises(Refusal):
        dataclasses.replace(receipt(objects.Outcome.CONFIRMED, None), device_id="\ud800").to_bytes()


@pytest.mark.parametrize(
    ("size", "chunks", "pages", "last"),
    [
        (1, 1, 1, 1),
        (4096, 1, 1, 4096),
        (4097, 2, 1, 1),
        (4096 * 1024, 1024, 1, 4096),
        (4096 * 1024 + 1, 1025, 2, 1),
    ],
)
def test_chunks_and_pages_follow_from_the_size(size: int, chunks: int, pages: int, last: int) -> None:
    made = component(size=size)
    assert (made.chunks, made.pages, made.chunk_length(made.chunks - 1)) == (chunks, pages, last)


@pytest.mark.parametrize(
    "chunk",
    [
        pytest.param([False, DIGEST, 1], id="a codec that is false"),
        pytest.param([True, DIGEST, 1, DIGEST], id="a codec that is true"),
        pytest.param([0, DIGEST], id="raw without a length"),
        pytest.param([0, DIGEST, 0], id="raw of no length"),
        pytest.param([0, DIGEST, 1, DIGEST], id="raw with a stored digest"),
        pytest.param([1, DIGEST, 1], id="zstd without a stored digest"),
        pytest.param([2, DIGEST, 1], id="zero with a length"),
        pytest.param([3, DIGEST], id="a repeat of nothing"),
        pytest.param([3, DIGEST, -1], id="a repeat of a negative number"),
        pytest.param([0, DIGEST, limits.MAX_CHUNK_SIZE + 1], id="longer than any chunk"),
        pytest.param([0, DIGEST[1:], 1], id="a short digest"),
        pytest.param([], id="an empty array"),
        pytest.param("raw", id="text"),
        pytest.param({0: DIGEST, 1: 1}, id="a map"),
    ],
)
def test_a_chunk_must_have_exactly_what_its_codec_needs(chunk: cbor.Value) -> None:
    refused(Code.MALFORMED, objects.ChunkPage, {1: 0, 2: 0, 3: 0, 4: [chunk]})


def test_an_unknown_codec_is_an_unsupported_format() -> None:
    refused(Code.UNSUPPORTED_FORMAT, objects.ChunkPage, {1: 0, 2: 0, 3: 0, 4: [[4, DIGEST]]})


def test_a_request_may_name_ciphers_and_mechanisms_of_the_future() -> None:
    shapes = {f.name: f.metadata["shape"] for f in dataclasses.fields(objects.Request) if "key" in f.metadata}
    assert shapes["ciphers"].decode([1, 77], "ciphers") == (1, 77)
    assert shapes["kems"].decode([0x10, 0x647B], "kems") == (0x10, 0x647B)


def test_an_object_that_would_be_too_large_is_not_written() -> None:
    wraps = (
        objects.Wrap(kem=objects.Kem.P256, encapsulation=bytes(65)),
        objects.Wrap(kem=objects.Kem.XWING, encapsulation=bytes(1120)),
    )
    most = envelope(recipients=(recipient(wraps=wraps),) * limits.MAX_RECIPIENTS)
    with pytest.raises(Refusal) as caught:
        most.to_bytes()
    assert caught.value.code is Code.TOO_LARGE


def test_a_refusal_stays_short_whatever_was_sent() -> None:
    fields: dict[int | str, cbor.Value] = {"x" * 1000 + str(number): 0 for number in range(40)}
    with pytest.raises(Refusal) as caught:
        objects.Receipt.from_bytes(
            cbor.encode({**receipt(objects.Outcome.CONFIRMED, None).to_map(), **fields})
        )
    assert len(caught.value.detail) < 200
