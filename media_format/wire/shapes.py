"""Shapes: how one value travels in CBOR, with a limit on each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, Generic, Protocol, TypeVar

from media_format import cbor
from media_format.refusal import Code, Refusal

T = TypeVar("T")
N = TypeVar("N", bound=IntEnum)
S = TypeVar("S", bound=StrEnum)

MAX_UINT: Final = 2**63 - 1
"""Numbers of the format stay below 2^63, so that a reader may hold them in a signed 64-bit integer."""


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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def encode(self, value: bool) -> cbor.Value:
        return value

    def decode(self, value: cbor.Value, path: str) -> bool:
        if not isinstance(value, bool):
            raise malformed(path, "must be true or false")
        return value


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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
