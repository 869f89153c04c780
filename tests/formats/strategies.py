"""Hypothesis strategies for everything that travels, derived from what the records declare.

A record's fields say their shapes, and a shape says which values it allows; only the records with
rules between fields are put together by hand.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from media_format import cbor, limits, objects, wire
from media_format.objects.chunk_table import ChunkShape
from media_format.refusal import Code

# What no reader refuses, whatever its Unicode tables: assigned characters that are seen.
_SHOWN = st.characters(
    codec="utf-8", max_codepoint=0xDFFFF, exclude_categories=("Cc", "Cf", "Cn", "Zl", "Zp")
)
_UINT = st.integers(0, wire.MAX_UINT)


def _containers(inner: SearchStrategy[cbor.Value]) -> SearchStrategy[cbor.Value]:
    keys = st.integers(-(2**64), 2**64 - 1) | st.text(max_size=8)
    return (
        st.lists(inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
        | st.builds(cbor.Tag, st.integers(0, 2**64 - 1), inner)
    )


values: SearchStrategy[cbor.Value] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.binary(max_size=40)
    | st.text(st.characters(codec="utf-8"), max_size=40),
    _containers,
    max_leaves=12,
)
"""Any value of the encoding, nested less deep than it allows."""

extensions: SearchStrategy[wire.Extensions] = st.dictionaries(_UINT, values, max_size=2).map(
    lambda found: tuple(sorted(found.items()))
)


def text(minimum: int, maximum: int, *, lines: bool = False) -> SearchStrategy[str]:
    """Text that the format allows, `minimum` to `maximum` bytes long."""
    shown = _SHOWN | st.just("\n") if lines else _SHOWN
    return st.text(shown, min_size=minimum, max_size=min(maximum, 40)).filter(
        lambda found: len(found.encode()) <= maximum
    )


def shaped(shape: Any) -> SearchStrategy[Any]:
    """Values of one shape."""
    match shape:
        case wire.Uint():
            return st.integers(shape.minimum, shape.maximum)
        case wire.Blob():
            return st.binary(min_size=shape.minimum, max_size=min(shape.maximum, shape.minimum + 32))
        case wire.Text():
            return text(shape.minimum, shape.maximum, lines=shape.lines)
        case wire.Flag():
            return st.booleans()
        case wire.Version():
            return st.just(shape.expected)
        case wire.Number() | wire.Word():
            members: Any = shape.kind
            return st.sampled_from(tuple(members))
        case wire.Many():
            most = min(shape.maximum, shape.minimum + 2)
            return st.lists(shaped(shape.item), min_size=shape.minimum, max_size=most).map(tuple)
        case wire.Nested():
            return record(shape.kind)
        case ChunkShape():
            return chunks
    raise TypeError(f"no strategy for {shape!r}")


def record(cls: type[wire.Record], /, **fields: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Records of one kind. `fields` replaces the strategies of single fields."""
    if not fields and cls in _WITH_RULES:
        return _WITH_RULES[cls]
    found: dict[str, SearchStrategy[Any]] = {"optional": extensions}
    for field in dataclasses.fields(cls):
        if "key" in field.metadata:
            strategy = shaped(field.metadata["shape"]) if field.name not in fields else fields[field.name]
            absent = st.none() if field.default is None and field.name not in fields else st.nothing()
            found[field.name] = absent | strategy
    return st.builds(cls, **found)


_DIGEST = st.binary(min_size=32, max_size=32)
_LENGTH = st.integers(1, limits.MAX_CHUNK_SIZE)

chunks: SearchStrategy[objects.Chunk] = (
    st.builds(
        lambda digest, length: objects.Chunk(objects.Codec.RAW, digest, length, digest), _DIGEST, _LENGTH
    )
    | st.builds(objects.Chunk, st.just(objects.Codec.ZSTD), _DIGEST, _LENGTH, _DIGEST)
    | st.builds(objects.Chunk, st.just(objects.Codec.ZERO), _DIGEST)
    | st.builds(objects.Chunk, st.just(objects.Codec.SAME), _DIGEST, source=_UINT)
)


@st.composite
def _components(draw: st.DrawFn) -> objects.Component:
    chunk_size = 1 << draw(st.integers(12, 24))
    return draw(  # type: ignore[no-any-return]
        record(
            objects.Component,
            chunk_size=st.just(chunk_size),
            size=st.integers(1, 3 * limits.PAGE_CHUNKS * chunk_size),
            offset=st.integers(0, 2**40),
        )
    )


@st.composite
def _manifests(draw: st.DrawFn) -> objects.Manifest:
    components = draw(
        st.lists(_components(), min_size=1, max_size=3, unique_by=lambda component: component.name)
    )
    pages = sum(component.pages for component in components)
    index = draw(st.integers(1, 2**32 - 1))
    created = draw(st.integers(0, 2**33))
    return draw(  # type: ignore[no-any-return]
        record(
            objects.Manifest,
            components=st.just(tuple(components)),
            pages=st.lists(record(objects.PageReference), min_size=pages, max_size=pages).map(tuple),
            index=st.just(index),
            security_floor=st.integers(0, index),
            created=st.just(created),
            install_by=st.none() | st.integers(created, 2**34),
        )
    )


@st.composite
def _wraps(draw: st.DrawFn) -> objects.Wrap:
    kem = draw(st.sampled_from(objects.Kem))
    size = 65 if kem is objects.Kem.P256 else 1120
    body = st.binary(min_size=65, max_size=65).map(lambda found: found.ljust(size, b"\x00"))
    return draw(record(objects.Wrap, kem=st.just(kem), encapsulation=body))  # type: ignore[no-any-return]


@st.composite
def _presents(draw: st.DrawFn) -> objects.Present:
    gaps = draw(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=4))
    runs, end = [], -1
    for gap, count in gaps:
        runs.append(objects.Run(first=end + gap, count=count))
        end += gap + count
    return draw(record(objects.Present, runs=st.just(tuple(runs))))  # type: ignore[no-any-return]


@st.composite
def _envelopes(draw: st.DrawFn) -> objects.Envelope:
    kind = draw(st.sampled_from(objects.EnvelopeKind))
    cipher = draw(st.sampled_from(objects.Cipher))
    sealed = int(cipher is not objects.Cipher.NONE)
    fields = {
        "device": record(objects.DeviceBinding) if kind is objects.EnvelopeKind.DELIVERY else st.none(),
        "wraps": st.lists(_wraps(), min_size=sealed, max_size=2 * sealed).map(tuple),
        "wrapped_key": st.binary(min_size=sealed, max_size=128 * sealed),
    }
    issued_at = draw(st.integers(0, 2**33))
    most = limits.MAX_SEGMENT_SIZE // limits.SEGMENT_UNIT
    segment_size = limits.SEGMENT_UNIT * draw(
        st.integers(limits.MIN_SEGMENT_SIZE // limits.SEGMENT_UNIT, most)
    )
    recipients = st.lists(record(objects.Recipient, **fields), min_size=sealed, max_size=3)
    return draw(  # type: ignore[no-any-return]
        record(
            objects.Envelope,
            kind=st.just(kind),
            cipher=st.just(cipher),
            issued_at=st.just(issued_at),
            expires=st.integers(issued_at, 2**34),
            segment_size=st.just(segment_size),
            payload_length=st.integers(0, limits.MAX_SEGMENTS * segment_size),
            recipients=recipients.map(tuple),
        )
    )


@st.composite
def _receipts(draw: st.DrawFn) -> objects.Receipt:
    outcome = draw(st.sampled_from(objects.Outcome))
    bad = outcome in (objects.Outcome.REFUSED, objects.Outcome.FAILED)
    code = st.sampled_from(Code) if bad else st.none()
    return draw(record(objects.Receipt, outcome=st.just(outcome), code=code))  # type: ignore[no-any-return]


@st.composite
def _entitlements(draw: st.DrawFn) -> objects.Entitlement:
    first, last = None, None
    if draw(st.booleans()):
        first = draw(text(1, 64))
        last = draw(st.just(first) | st.text("~", min_size=1).map(lambda tail: tail[: len(first)]))
        last = last if len(last) == len(first.encode()) and last >= first else first
    named = st.none() | text(1, 64)
    product = named if first is not None else text(1, 64)
    range_ = {"first": st.just(first), "last": st.just(last)}
    return draw(record(objects.Entitlement, product=product, **range_))  # type: ignore[no-any-return]


_ORDERED = {
    objects.Order.TIME_FLOOR: ("time_floor",),
    objects.Order.ENTITLE: ("entitlements",),
    objects.Order.RENEW: ("certificates",),
    objects.Order.CROSS_SIGN: ("root", "cross_certificate"),
}


@st.composite
def _directives(draw: st.DrawFn) -> objects.Directive:
    shapes = {field.name: field.metadata.get("shape") for field in dataclasses.fields(objects.Directive)}
    order = draw(st.sampled_from(objects.Order))
    carried = {
        name: shaped(shapes[name]) if one is order else st.none()
        for one, names in _ORDERED.items()
        for name in names
    }
    role = st.just(objects.Role.BOX) if order is objects.Order.ENTITLE else st.sampled_from(objects.Role)
    return draw(record(objects.Directive, order=st.just(order), role=role, **carried))  # type: ignore[no-any-return]


@st.composite
def _enrolments(draw: st.DrawFn) -> objects.EnrolmentRequest:
    role = draw(st.sampled_from(objects.Role))
    device = record(objects.DeviceKind) if role is objects.Role.DEVICE else st.none()
    return draw(record(objects.EnrolmentRequest, role=st.just(role), device=device))  # type: ignore[no-any-return]


@st.composite
def _anchors(draw: st.DrawFn) -> objects.TrustAnchor:
    roots = draw(shaped(wire.Many(wire.Nested(objects.Root), 3, 1)))
    rules = record(objects.SignatureRule, family=st.sampled_from([root.family for root in roots]))
    policy = record(objects.Policy, signatures=st.lists(rules, min_size=1, max_size=3).map(tuple))
    return draw(record(objects.TrustAnchor, roots=st.just(roots), policy=policy))  # type: ignore[no-any-return]


_WITH_RULES: dict[type[wire.Record], SearchStrategy[Any]] = {
    objects.Component: _components(),
    objects.Manifest: _manifests(),
    objects.Wrap: _wraps(),
    objects.Present: _presents(),
    objects.Envelope: _envelopes(),
    objects.Receipt: _receipts(),
    objects.Entitlement: _entitlements(),
    objects.Directive: _directives(),
    objects.EnrolmentRequest: _enrolments(),
    objects.TrustAnchor: _anchors(),
}

OBJECTS: tuple[type[wire.Record], ...] = (
    objects.Manifest,
    objects.ChunkPage,
    objects.Envelope,
    objects.Request,
    objects.Receipt,
    objects.TrustAnchor,
    objects.EnrolmentRequest,
    objects.Directive,
)
"""The records that travel on their own."""
