"""HPKE (RFC 9180) in base mode for one message: HKDF-SHA256, AES-256-GCM, empty AAD.

`cryptography` does everything here except opening with a P-256 key that only a TPM can use: there the
TPM does the key agreement, and what follows from its result is done here (`open_with_agreement`).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

from media_format.errors import Misuse
from media_format.kem import Kem
from media_format.refusal import Code, Refusal

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | MLKEM768X25519PrivateKey
Agreement: TypeAlias = Callable[[bytes], bytes]
"""Takes the peer's uncompressed point (65 bytes), returns the shared x coordinate (32 bytes).

Leading zeros may be missing, as in the integers of some TPMs.
"""

_SUITES: Final = {
    Kem.P256: Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
    Kem.XWING: Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
}
ENCAPSULATION: Final = {Kem.P256: 65, Kem.XWING: 1120}
"""Bytes of an encapsulation (Nenc)."""

_MLKEM_PUBLIC: Final = 1184
_COORDINATE: Final = 32
_KDF_ID: Final = 1
AES_128_GCM: Final = 1
AES_256_GCM: Final = 2
_AEAD_KEY_SIZE: Final = {AES_128_GCM: 16, AES_256_GCM: 32}


def seal(kem: Kem, public: bytes, plaintext: bytes, info: bytes) -> tuple[bytes, bytes]:
    """Encrypt for a public key (SubjectPublicKeyInfo for P-256, 1216 raw bytes for X-Wing).

    Returns encapsulation and ciphertext. Raises Refusal(malformed) for what is no such key.
    """
    key = _load_xwing(public) if kem is Kem.XWING else load_p256(public)
    try:
        sealed = _SUITES[kem].encrypt(plaintext, key, info)
    except ValueError:  # X25519 with a point of small order
        raise Refusal(Code.MALFORMED, f"no key can be agreed on with this {kem.name} public key") from None
    return sealed[: ENCAPSULATION[kem]], sealed[ENCAPSULATION[kem] :]


def open_with_private(
    kem: Kem, key: PrivateKey, encapsulation: bytes, ciphertext: bytes, info: bytes
) -> bytes:
    """Decrypt with a private key in software.

    Raises Refusal(decryption-failed) when it does not open, Misuse for a private key of another kind.
    """
    if len(encapsulation) != ENCAPSULATION[kem]:
        raise _closed()
    try:
        return _SUITES[kem].decrypt(encapsulation + ciphertext, key, info)
    except TypeError:
        raise Misuse(f"not a private key for {kem.name}") from None
    except (InvalidTag, ValueError):
        raise _closed() from None


def open_with_agreement(
    agree: Agreement,
    public_point: bytes,
    encapsulation: bytes,
    ciphertext: bytes,
    info: bytes,
    *,
    aead: int = AES_256_GCM,
    aad: bytes = b"",
) -> bytes:
    """Decrypt with a P-256 key that lives elsewhere: `agree` is its ECDH, `public_point` its own point.

    The encapsulation is checked to be an uncompressed point of the curve before it is handed on (an
    agreement with a point off the curve would leak the key). The format uses the defaults of `aead`
    and `aad`; the vectors of RFC 9180 need others. Raises Refusal(decryption-failed).
    """
    _check_point(encapsulation)
    shared = _decapsulate(agree(encapsulation), encapsulation, public_point)
    key, nonce = _key_schedule(shared, info, aead)
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, aad)
    except InvalidTag:
        raise _closed() from None


def load_p256(public: bytes) -> ec.EllipticCurvePublicKey:
    """A P-256 public key from its SubjectPublicKeyInfo; Refusal(malformed) for anything else.

    A key has one encoding here (RFC 5480, named curve, uncompressed point), because its id is a digest.
    """
    try:
        key = load_der_public_key(public)
    except (ValueError, UnsupportedAlgorithm):
        raise Refusal(Code.MALFORMED, "not a SubjectPublicKeyInfo") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Refusal(Code.MALFORMED, "not a P-256 public key")
    if key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) != public:
        raise Refusal(Code.MALFORMED, "not the usual encoding of a P-256 public key")
    return key


def _check_point(encapsulation: bytes) -> None:
    if len(encapsulation) != ENCAPSULATION[Kem.P256]:
        raise _closed()
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), encapsulation)
    except ValueError:
        raise _closed() from None


def _load_xwing(public: bytes) -> MLKEM768X25519PublicKey:
    try:
        return MLKEM768X25519PublicKey(
            mlkem.MLKEM768PublicKey.from_public_bytes(public[:_MLKEM_PUBLIC]),
            x25519.X25519PublicKey.from_public_bytes(public[_MLKEM_PUBLIC:]),
        )
    except ValueError:
        raise Refusal(Code.MALFORMED, "not an X-Wing public key") from None


def _closed() -> Refusal:
    return Refusal(Code.DECRYPTION_FAILED, "the wrapped key does not open with this key for this package")


def _decapsulate(shared_x: bytes, encapsulation: bytes, public_point: bytes) -> bytes:
    """ExtractAndExpand of DHKEM(P-256, HKDF-SHA256) (RFC 9180, 4.1)."""
    suite = b"KEM" + int(Kem.P256).to_bytes(2, "big")
    secret = _labeled_extract(suite, b"", b"eae_prk", shared_x.rjust(_COORDINATE, b"\0"))
    return _labeled_expand(suite, secret, b"shared_secret", encapsulation + public_point, 32)


def _key_schedule(shared_secret: bytes, info: bytes, aead: int) -> tuple[bytes, bytes]:
    """Key and base nonce of base mode (RFC 9180, 5.1)."""
    suite = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (int(Kem.P256), _KDF_ID, aead))
    base_mode = b"\x00"
    psk_id_hash = _labeled_extract(suite, b"", b"psk_id_hash", b"")
    context = base_mode + psk_id_hash + _labeled_extract(suite, b"", b"info_hash", info)
    secret = _labeled_extract(suite, shared_secret, b"secret", b"")
    key = _labeled_expand(suite, secret, b"key", context, _AEAD_KEY_SIZE[aead])
    return key, _labeled_expand(suite, secret, b"base_nonce", context, 12)


def _labeled_extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, hashlib.sha256)


def _labeled_expand(suite: bytes, secret: bytes, label: bytes, info: bytes, size: int) -> bytes:
    # HKDF-Expand (RFC 5869, 2.3) with one block is enough: no output here is longer than a digest.
    labeled = size.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(secret, labeled + b"\x01", hashlib.sha256)[:size]
