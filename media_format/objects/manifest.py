"""The manifest: the vendor-signed description of a release, the same bytes from vendor to device."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final

from media_format import limits
from media_format.wire import (
    DIGEST,
    IDENTIFIER,
    MAX_UINT,
    TIME,
    Many,
    Nested,
    Record,
    Text,
    Uint,
    Version,
    Word,
    key,
    malformed,
    record,
)

FORMAT: Final = Version(limits.FORMAT_VERSION)
SHORT: Final = Text(64)
"""Products, lines, versions, slots and device ids are text of at most 64 bytes."""
INDEX: Final = Uint(1, 2**32 - 1)
"""A release index."""


class ComponentKind(StrEnum):
    """What a component is. A hook is a program the device runs; its chunks never repeat one another."""

    IMAGE = "image"
    HOOK = "hook"


@record
class CrlNumber(Record):
    """A revocation list: its number (RFC 5280, 5.2.3) and SHA-256 of its issuer's SubjectPublicKeyInfo."""

    NAME: ClassVar[str] = "CRL number"

    issuer: bytes = key(1, DIGEST)
    number: int = key(2, Uint())


CRL_NUMBERS: Final = Many(Nested(CrlNumber), 16)


@record
class Component(Record):
    """One image with one target slot. `offset` is where in the slot it begins, in bytes."""

    NAME: ClassVar[str] = "component"

    name: str = key(1, SHORT)
    kind: ComponentKind = key(2, Word(ComponentKind))
    slot: str = key(3, SHORT)
    offset: int = key(4, Uint())
    size: int = key(5, Uint(1))
    chunk_size: int = key(6, Uint(limits.MIN_CHUNK_SIZE, limits.MAX_CHUNK_SIZE))
    digest: bytes = key(7, DIGEST)

    def check(self, path: str) -> None:
        if self.chunk_size & (self.chunk_size - 1):
            raise malformed(path, "chunk_size must be a power of two")
        if self.offset + self.size > MAX_UINT:
            raise malformed(path, "offset and size reach past 2^63 - 1")

    @property
    def chunks(self) -> int:
        """How many chunks the component has."""
        return -(-self.size // self.chunk_size)

    @property
    def pages(self) -> int:
        """How many pages of the chunk table it has."""
        return -(-self.chunks // limits.PAGE_CHUNKS)

    def chunk_length(self, number: int) -> int:
        """Plaintext bytes of chunk `number`: the chunk size, less for the last one."""
        return min(self.chunk_size, self.size - number * self.chunk_size)


@record
class PageReference(Record):
    """A page of the chunk table: the digest and the length of its encoding."""

    NAME: ClassVar[str] = "page reference"

    digest: bytes = key(1, DIGEST)
    length: int = key(2, Uint(1, limits.MAX_PAGE_BYTES))


@record
class Manifest(Record):
    """The payload of the COSE_Sign object in MANIFEST.CBR.

    The pages of the chunk table stand in the order of the components. The manifest digest is SHA-256
    over this encoding alone, so adding a signature does not make another manifest.
    """

    NAME: ClassVar[str] = "manifest"
    LIMIT: ClassVar[int] = limits.MAX_MANIFEST
    CONTENT_TYPE: ClassVar[str] = "application/vnd.updatebox.manifest+cbor"

    format: int = key(1, FORMAT)
    release_id: bytes = key(2, IDENTIFIER)
    product: str = key(3, SHORT)
    line: str = key(4, SHORT)
    version: str = key(5, SHORT)
    index: int = key(6, INDEX)
    security_floor: int = key(7, Uint(0, 2**32 - 1))
    hardware: tuple[str, ...] = key(8, Many(SHORT, 64, 1))
    components: tuple[Component, ...] = key(9, Many(Nested(Component), limits.MAX_COMPONENTS, 1))
    pages: tuple[PageReference, ...] = key(10, Many(Nested(PageReference), limits.MAX_PAGES, 1))
    stored_size: int = key(11, Uint())
    created: int = key(12, TIME)
    install_by: int | None = key(13, TIME, default=None)
    crl_numbers: tuple[CrlNumber, ...] = key(14, CRL_NUMBERS)
    notes: str = key(15, Text(8192, minimum=0, lines=True))

    def check(self, path: str) -> None:
        if len({component.name for component in self.components}) != len(self.components):
            raise malformed(path, "two components have the same name")
        if sum(component.pages for component in self.components) != len(self.pages):
            raise malformed(path, "the number of pages does not fit the components")
        if self.security_floor > self.index:
            raise malformed(path, "security_floor is above the release's own index")
        if self.install_by is not None and self.install_by < self.created:
            raise malformed(path, "install_by is before created")

    @property
    def table_size(self) -> int:
        """Bytes of CHUNKS.CBR."""
        return sum(page.length for page in self.pages)
