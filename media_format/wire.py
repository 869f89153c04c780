"""Records: frozen typed values that know their place in a CBOR map, with a limit on every field.

A class decorated with `record` is a frozen dataclass whose fields say with `key` under which integer
they travel and which `Shape` they have. Encoding and decoding follow from that declaration, so what
docs/format.md says of a field stands in one line of code. Every record may end in two extension maps
(keys 30 and 31): unknown *critical* keys are refused, *optional* ones are kept and ignored.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from enum import IntEnum, StrEnum
from typing import Any, ClassVar, Final, Generic, Protocol, Self, TypeVar, cast, dataclass_transform

from media_format import cbor
from media_format.refusal import Code, Refusal

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
N = TypeVar("N", bound=IntEnum)
S = TypeVar("S", bound=StrEnum)
R = TypeVar("R", bound="Record")

MAX_UINT: Final = 2**63 - 1
"""Numbers of the format stay below 2^63, so that a reader may hold them in a signed 64-bit integer."""

CRITICAL_KEY: Final = 30
OPTIONAL_KEY: Final = 31

Extensions = tuple[tuple[int, cbor.Value], ...]
"""Extension keys with their values, in ascending order of the keys."""


class Shape(Protocol[T]):
    """How one value travels and which values are allowed."""

    def encode(self, value: T) -> cbor.Value:
        """The value as CBOR knows it."""
        ...

    def decode(self, value: cbor.Value, path: str) -> T:
        """The value, checked; Refusal(malformed) names `path`."""
        ...


def malformed(path: str, why: str) -> Refusal:
    """A refusal that names the field it is about."""
    return Refusal(Code.MALFORMED, f"{path}: {why}")


@dataclasses.dataclass(frozen=True, slots=True)
class Uint:
    """An unsigned number."""

    minimum: int = 0
    maximum: int = MAX_UINT

    def encode(self, value: int) -> cbor.Value:
        return self.decode(value, "number")

    def decode(self, value: cbor.Value, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise malformed(path, "must be a number")
        if not self.minimum <= value <= self.maximum:
            raise malformed(path, f"{value} is not between {self.minimum} and {self.maximum}")
        return value


@dataclasses.dataclass(frozen=True, slots=True)
class Blob:
    """A byte string of `minimum` to `maximum` bytes."""

    minimum: int
    maximum: int

    def encode(self, value: bytes) -> cbor.Value:
        return self.decode(value, "byte string")

    def decode(self, value: cbor.Value, path: str) -> bytes:
        if not isinstance(value, bytes):
            raise malformed(path, "must be a byte string")
        if not self.minimum <= len(value) <= self.maximum:
            raise malformed(path, f"{len(value)} bytes, not between {self.minimum} and {self.maximum}")
        return value


DIGEST: Final = Blob(32, 32)
"""SHA-256 (FIPS 180-4)."""
IDENTIFIER: Final = Blob(16, 16)
"""A random identifier."""
TIME: Final = Uint(0, 253402300799)
"""Seconds since 1970-01-01T00:00:00Z without leap seconds, up to the end of the year 9999."""


_HIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
"""Characters that nobody sees or that change how others are shown. The list stands here, and not in
Unicode's tables, so that every reader, of whatever age, refuses the same text."""


@dataclasses.dataclass(frozen=True, slots=True)
class Text:
    """Text of `minimum` to `maximum` bytes in UTF-8, without hidden characters (line feeds with `lines`).

    Control characters and marks that change the direction of writing are refused because such text
    is shown to people on screens.
    """

    maximum: int
    minimum: int = 1
    lines: bool = False

    def encode(self, value: str) -> cbor.Value:
        return self.decode(value, "text")

    def decode(self, value: cbor.Value, path: str) -> str:
        if not isinstance(value, str):
            raise malformed(path, "must be text")
        shown = value.replace("\n", "") if self.lines else value
        if _HIDDEN.search(shown):
            raise malformed(path, "holds characters that cannot be shown")
        if not self.minimum <= len(value.encode()) <= self.maximum:
            raise malformed(path, f"must have {self.minimum} to {self.maximum} bytes")
        return value


@dataclasses.dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def encode(self, value: bool) -> cbor.Value:
        return value

    def decode(self, value: cbor.Value, path: str) -> bool:
        if not isinstance(value, bool):
            raise malformed(path, "must be true or false")
        return value


@dataclasses.dataclass(frozen=True, slots=True)
class Version:
    """The version of the format; others than `expected` are Refusal(unsupported-format)."""

    expected: int

    def encode(self, value: int) -> cbor.Value:
        return self.decode(value, "version")

    def decode(self, value: cbor.Value, path: str) -> int:
        number = Uint(1).decode(value, path)
        if number != self.expected:
            raise Refusal(Code.UNSUPPORTED_FORMAT, f"{path}: version {number}, not {self.expected}")
        return number


@dataclasses.dataclass(frozen=True, slots=True)
class Number(Generic[N]):
    """One of the numbers of an enumeration; others are Refusal(unsupported-format)."""

    kind: type[N]

    def encode(self, value: N) -> cbor.Value:
        return int(value)

    def decode(self, value: cbor.Value, path: str) -> N:
        number = Uint().decode(value, path)
        try:
            return self.kind(number)
        except ValueError:
            raise Refusal(Code.UNSUPPORTED_FORMAT, f"{path}: unknown value {number}") from None


@dataclasses.dataclass(frozen=True, slots=True)
class Word(Generic[S]):
    """One of the words of an enumeration; others are Refusal(unsupported-format)."""

    kind: type[S]

    def encode(self, value: S) -> cbor.Value:
        return str(value)

    def decode(self, value: cbor.Value, path: str) -> S:
        word = Text(64).decode(value, path)
        try:
            return self.kind(word)
        except ValueError:
            raise Refusal(Code.UNSUPPORTED_FORMAT, f"{path}: unknown value {word!r}") from None


@dataclasses.dataclass(frozen=True, slots=True)
class Many(Generic[T]):
    """An array of `minimum` to `maximum` values of one shape."""

    item: Shape[T]
    maximum: int
    minimum: int = 0

    def encode(self, value: tuple[T, ...]) -> cbor.Value:
        self._check(len(value), "array")
        return [self.item.encode(item) for item in value]

    def decode(self, value: cbor.Value, path: str) -> tuple[T, ...]:
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            raise malformed(path, "must be an array")
        self._check(len(value), path)
        return tuple(self.item.decode(item, f"{path}[{place}]") for place, item in enumerate(value))

    def _check(self, count: int, path: str) -> None:
        if not self.minimum <= count <= self.maximum:
            raise malformed(path, f"{count} items, not between {self.minimum} and {self.maximum}")


@dataclasses.dataclass(frozen=True, slots=True)
class Nested(Generic[R]):
    """A record inside another."""

    kind: type[R]

    def encode(self, value: R) -> cbor.Value:
        return value.to_map()

    def decode(self, value: cbor.Value, path: str) -> R:
        return self.kind.from_map(value, path)


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
