"""Releases of the package vectors, and packages made from them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from media_format import cose, limits
from media_format.objects import (
    Answer,
    Chunk,
    ChunkPage,
    Cipher,
    Codec,
    Component,
    ComponentKind,
    DeviceBinding,
    Envelope,
    EnvelopeKind,
    Manifest,
    PageReference,
    Present,
)
from media_format.payload.chunks import encode_chunk
from media_format.payload.cobblestone import Sealer
from media_format.payload.context import payload_context
from media_format.payload.recipients import RecipientKey
from media_format.payload.segments import segment_sizes
from media_format.sealing import seal_recipient
from tests.formats.vector_makers import keys
from tests.formats.vector_makers.authorities import DAY, NOW

CHUNK: Final = 4096
SMALL: Final = (
    keys.drawn("raw", CHUNK) + bytes(CHUNK) + b"firmware " * 455 + b"!" + keys.drawn("raw", CHUNK) + b"end"
)
"""An image of five chunks: raw, zeros, compressed, a repeat, and a short one."""
LARGE: Final = keys.drawn("large", 70_000)
HOOK: Final = b"#!/bin/sh\nexit 0\n"


class Release:
    """An image and a hook with their chunk table; `changes` are fields of the manifest."""

    def __init__(self, image: bytes, **changes: Any) -> None:
        parts = (
            ("image", ComponentKind.IMAGE, "rootfs", image),
            ("migrate", ComponentKind.HOOK, "hooks", HOOK),
        )
        self.stored = b""
        self.pages: list[bytes] = []
        self.components: dict[str, str] = {}
        """SHA-256 of each component, in hexadecimal."""
        components = []
        for place, (name, kind, slot, data) in enumerate(parts):
            self.pages.append(self._page(place, data))
            digest = hashlib.sha256(data).digest()
            self.components[name] = digest.hex()
            components.append(
                Component(
                    name=name, kind=kind, slot=slot, offset=0, size=len(data), chunk_size=CHUNK, digest=digest
                )
            )
        fields: dict[str, Any] = {
            "format": 1,
            "release_id": keys.drawn("release", 16),
            "product": "pump",
            "line": "stable",
            "version": "1.5.0",
            "index": 5,
            "security_floor": 2,
            "hardware": ("rev-a", "rev-b"),
            "components": tuple(components),
            "pages": tuple(
                PageReference(digest=hashlib.sha256(page).digest(), length=len(page)) for page in self.pages
            ),
            "stored_size": len(self.stored),
            "created": NOW - 5 * DAY,
            "crl_numbers": (),
            "notes": "Fixes the valve.",
        }
        self.manifest = Manifest(**{**fields, **changes})
        self.digest = hashlib.sha256(self.manifest.to_bytes()).digest()

    def _page(self, component: int, data: bytes) -> bytes:
        begin, seen, chunks = len(self.stored), dict[bytes, int](), []
        for number, offset in enumerate(range(0, len(data), CHUNK)):
            plain = data[offset : offset + CHUNK]
            digest = hashlib.sha256(plain).digest()
            if digest in seen:
                chunks.append(Chunk(Codec.SAME, digest, source=seen[digest]))
                continue
            codec, stored = encode_chunk(plain)
            if codec is Codec.ZERO:
                chunks.append(Chunk(codec, digest))
                continue
            seen[digest] = number
            chunks.append(Chunk(codec, digest, len(stored), hashlib.sha256(stored).digest()))
            self.stored += stored
        return ChunkPage(component=component, first=0, stored_offset=begin, chunks=tuple(chunks)).to_bytes()


@dataclass(frozen=True)
class Delivery:
    """A package made of a release: who signed it, who sealed it, for whom."""

    release: Release
    signers: Sequence[cose.Signer]
    sealer: cose.Signer
    recipients: Sequence[tuple[str, RecipientKey]]
    answer: Answer | None
    cipher: Cipher = Cipher.COBBLESTONE_256
    package: str = "package"
    content_key: bytes = keys.drawn("content key")
    present: Present | None = None

    def files(self) -> dict[str, bytes]:
        """What stands in the package's folder."""
        package_id, digest = keys.drawn(self.package, 16), self.release.digest
        payload = self.release.stored
        if self.cipher is not Cipher.NONE:
            sealer = Sealer(self.content_key, payload_context(package_id, digest))
            payload = sealer.update(payload) + sealer.finalize()
        sizes = segment_sizes(len(payload), limits.MIN_SEGMENT_SIZE)
        begins = [sum(sizes[:number]) for number in range(len(sizes))]
        return {
            "MANIFEST.CBR": cose.sign(Manifest.CONTENT_TYPE, self.release.manifest.to_bytes(), self.signers),
            "CHUNKS.CBR": b"".join(self.release.pages),
            **{
                f"PAYLOAD.{number:03}": payload[begin : begin + size]
                for number, (begin, size) in enumerate(zip(begins, sizes, strict=True))
            },
            "ENVELOPE.CBR": self._envelope(package_id, len(payload)),
        }

    def _envelope(self, package_id: bytes, length: int) -> bytes:
        envelope = Envelope(
            format=1,
            kind=EnvelopeKind.DELIVERY,
            package_id=package_id,
            manifest_digest=self.release.digest,
            issued_at=NOW - DAY,
            expires=NOW + 30 * DAY,
            crl_numbers=(),
            cipher=self.cipher,
            payload_length=length,
            segment_size=limits.MIN_SEGMENT_SIZE,
            present=self.present,
            recipients=tuple(
                seal_recipient(
                    self.content_key,
                    package_id,
                    self.release.digest,
                    key,
                    DeviceBinding(id=name, epoch=1, answers=self.answer),
                )
                for name, key in self.recipients
            ),
        )
        return cose.sign1(Envelope.CONTENT_TYPE, envelope.to_bytes(), self.sealer)
