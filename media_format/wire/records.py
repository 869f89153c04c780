"""Records: frozen typed values that know their place in a CBOR map.

A class decorated with `record` is a frozen dataclass whose fields say with `key` under which integer
they travel and which `Shape` they have. Encoding and decoding follow from that declaration, so what
docs/format.md says of a field stands in one line of code. Every record may end in two extension maps
(keys 30 and 31): unknown *critical* keys are refused, *optional* ones are kept and ignored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Generic, Self, TypeVar, cast, dataclass_transform

from media_format import cbor
from media_format.refusal import Code, Refusal
from media_format.wire.shapes import MAX_UINT, Shape, Version, malformed

T = TypeVar("T")
R = TypeVar("R", bound="Record")

CRITICAL_KEY: Final = 30
OPTIONAL_KEY: Final = 31

Extensions = tuple[tuple[int, cbor.Value], ...]
"""Extension keys with their values, in ascending order of the keys."""


_REQUIRED: Final = object()
_ABSENT: Final[Any] = object()
"""Stands for an extension map that is not there; null would be a second encoding of the same."""


def key(number: int, shape: Shape[T], *, default: Any = _REQUIRED) -> Any:
    """A field that travels under `number`. With `default=None` it may be absent from the map."""
    metadata = {"key": number, "shape": shape}
    if default is _REQUIRED:
        return dataclasses.field(metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(key, dataclasses.field))
def record(kind: type[T]) -> type[T]:
    """Make a class with `key` fields a frozen, slotted, keyword-only dataclass."""
    return dataclasses.dataclass(frozen=True, slots=True, kw_only=True)(kind)


@record
class Record:
    """What all records share: the two extension maps, encoding and decoding."""

    critical: Extensions = ()
    optional: Extensions = ()

    NAME: ClassVar[str] = "record"
    LIMIT: ClassVar[int] = 64 * 1024

    def check(self, path: str) -> None:
        """Rules between fields; overridden where there are any. Raises Refusal(malformed)."""

    def to_bytes(self) -> bytes:
        """The deterministic encoding. Refusal(malformed) or (too-large) beyond its own limits."""
        data = cbor.encode(self.to_map())
        if len(data) > self.LIMIT:
            raise Refusal(Code.TOO_LARGE, f"{self.NAME}: {len(data)} bytes, at most {self.LIMIT} are allowed")
        return data

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode one record. Refusal(malformed), (too-large) or (unsupported-format)."""
        return cls.from_map(cbor.decode(data, cls.LIMIT, cls.NAME), cls.NAME)

    def to_map(self) -> dict[int | str, cbor.Value]:
        """This record as a CBOR map."""
        found: dict[int | str, cbor.Value] = {}
        for field in _fields(type(self)):
            value = getattr(self, field.name)
            if value is not None:
                found[field.metadata["key"]] = field.metadata["shape"].encode(value)
        for number, extensions in ((CRITICAL_KEY, self.critical), (OPTIONAL_KEY, self.optional)):
            if extensions:
                found[number] = dict(_extensions(dict(extensions), self.NAME))
        self.check(self.NAME)
        return found

    @classmethod
    def from_map(cls, value: cbor.Value, path: str) -> Self:
        """Decode one record from a CBOR map; `path` names it in refusals."""
        if not isinstance(value, Mapping):
            raise malformed(path, "must be a map")
        left = dict(value)
        _check_version(cls, left, path)
        found: dict[str, Any] = {
            "critical": _no_critical(left.pop(CRITICAL_KEY, _ABSENT), path),
            "optional": _extensions(left.pop(OPTIONAL_KEY, _ABSENT), f"{path}.optional"),
        }
        for field in _fields(cls):
            number = field.metadata["key"]
            if number in left:
                found[field.name] = field.metadata["shape"].decode(left.pop(number), f"{path}.{field.name}")
            elif field.default is dataclasses.MISSING:
                raise malformed(path, f"{field.name} is missing")
        if left:
            raise malformed(path, f"{len(left)} unknown keys")
        made = cls(**found)
        made.check(path)
        return made


def _fields(kind: type[Record]) -> tuple[dataclasses.Field[Any], ...]:
    fields = dataclasses.fields(cast(Any, kind))
    return tuple(field for field in fields if "key" in field.metadata)


def _check_version(kind: type[Record], value: Mapping[int | str, cbor.Value], path: str) -> None:
    """Another version comes first: nothing is known of what else such a record holds."""
    for field in _fields(kind):
        number, shape = field.metadata["key"], field.metadata["shape"]
        if isinstance(shape, Version) and number in value:
            shape.decode(value[number], f"{path}.{field.name}")


def _extensions(value: cbor.Value, path: str) -> Extensions:
    if value is _ABSENT:
        return ()
    if not isinstance(value, Mapping) or not value:
        raise malformed(path, "must be a map that is not empty")
    if not all(isinstance(number, int) and 0 <= number <= MAX_UINT for number in value):
        raise malformed(path, "keys must be unsigned numbers below 2^63")
    return tuple((cast(int, number), item) for number, item in value.items())


def _no_critical(value: cbor.Value, path: str) -> Extensions:
    critical = _extensions(value, f"{path}.critical")
    if critical:
        raise Refusal(Code.UNSUPPORTED_FORMAT, f"{path}: unknown critical extension {critical[0][0]}")
    return critical


@dataclasses.dataclass(frozen=True, slots=True)
class Nested(Generic[R]):
    """A record inside another."""

    kind: type[R]

    def encode(self, value: R) -> cbor.Value:
        return value.to_map()

    def decode(self, value: cbor.Value, path: str) -> R:
        return self.kind.from_map(value, path)
