"""Recipients: a content key wrapped for a key with one or two halves. Where there are two, both must open."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from media_format import cbor
from media_format.kem import Kem
from media_format.objects.envelope import Wrap
from media_format.payload import hpke
from media_format.refusal import Code, Refusal


@dataclass(frozen=True, slots=True)
class RecipientKey:
    """The public halves of a decryption key: P-256 as SubjectPublicKeyInfo, X-Wing as 1216 raw bytes.

    Refusal(malformed) where there is neither: nothing would be encrypted for such a key.
    """

    p256: bytes | None
    xwing: bytes | None

    def __post_init__(self) -> None:
        if self.p256 is None and self.xwing is None:
            raise Refusal(Code.MALFORMED, "a recipient's key with neither half")

    @property
    def key_id(self) -> bytes:
        """SHA-256 over the CBOR array of both halves, null for one that is not there."""
        return hashlib.sha256(cbor.encode([self.p256, self.xwing])).digest()

    @property
    def kems(self) -> tuple[Kem, ...]:
        """The layers of a wrap for this key, the outermost first."""
        halves = ((Kem.P256, self.p256), (Kem.XWING, self.xwing))
        return tuple(kem for kem, half in halves if half is not None)

    def half(self, kem: Kem) -> bytes:
        """The public half for one mechanism."""
        half = self.p256 if kem is Kem.P256 else self.xwing
        if half is None:
            raise Refusal(Code.MALFORMED, f"the key has no half for {kem.name}")
        return half


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A wrapped content key: the layers, the outermost first, and what the outermost encloses."""

    wraps: tuple[Wrap, ...]
    wrapped_key: bytes


OpenLayer = Callable[[Kem, bytes, bytes, bytes], bytes]
"""Opens one layer with a private key: (KEM, encapsulation, ciphertext, info) to what it encloses."""


def wrap(content_key: bytes, key: RecipientKey, info: bytes) -> Wrapped:
    """Wrap from the inside out, every layer with the same info. Refusal(malformed) for a bad half."""
    layers: list[Wrap] = []
    enclosed = content_key
    for kem in reversed(key.kems):
        encapsulation, enclosed = hpke.seal(kem, key.half(kem), enclosed, info)
        layers.insert(0, Wrap(kem=kem, encapsulation=encapsulation))
    return Wrapped(tuple(layers), enclosed)


def unwrap(wrapped: Wrapped, kems: tuple[Kem, ...], open_layer: OpenLayer, info: bytes) -> bytes:
    """Unwrap from the outside in.

    The layers must be exactly `kems`, those of the key, so that nobody can offer a weaker wrap.
    Raises Refusal(decryption-failed).
    """
    if not kems or tuple(layer.kem for layer in wrapped.wraps) != kems:
        raise Refusal(Code.DECRYPTION_FAILED, "the layers of the wrapped key are not those of this key")
    enclosed = wrapped.wrapped_key
    for layer in wrapped.wraps:
        enclosed = open_layer(layer.kem, layer.encapsulation, enclosed, info)
    return enclosed
