"""Test keys that follow from a name. They protect nothing: everybody can read them in the vectors."""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from appliance.trust.signer import PrivateKey
from media_format.payload.recipients import RecipientKey

ORDER: Final = {
    "secp256r1": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "secp384r1": int(
        "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16
    ),
}
"""How many points the curves have (NIST SP 800-186)."""

Any: TypeAlias = PrivateKey | x25519.X25519PrivateKey | mlkem.MLKEM768PrivateKey


def drawn(name: str, size: int = 32) -> bytes:
    """Bytes that follow from a name: SHAKE-256."""
    return hashlib.shake_256(b"updatebox test vectors: " + name.encode()).digest(size)


def _scalar(name: str, curve: ec.EllipticCurve) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(1 + int.from_bytes(drawn(name, 64), "big") % (ORDER[curve.name] - 1), curve)


def p256(name: str) -> ec.EllipticCurvePrivateKey:
    return _scalar(name, ec.SECP256R1())


def p384(name: str) -> ec.EllipticCurvePrivateKey:
    return _scalar(name, ec.SECP384R1())


def eddsa(name: str) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(drawn(name))


def ml_dsa(name: str) -> mldsa.MLDSA65PrivateKey:
    return mldsa.MLDSA65PrivateKey.from_seed_bytes(drawn(name))


def xwing(name: str) -> tuple[mlkem.MLKEM768PrivateKey, x25519.X25519PrivateKey]:
    """Both halves of an X-Wing key."""
    return (
        mlkem.MLKEM768PrivateKey.from_seed_bytes(drawn(f"{name} ML-KEM", 64)),
        x25519.X25519PrivateKey.from_private_bytes(drawn(f"{name} X25519")),
    )


def recipient_key(name: str, *, p: bool = True, x: bool = False) -> RecipientKey:
    """The public halves of the decryption key of this name."""
    encapsulation, agreement = xwing(name)
    raw = encapsulation.public_key().public_bytes_raw() + agreement.public_key().public_bytes_raw()
    return RecipientKey(spki(p256(name)) if p else None, raw if x else None)


def spki(key: PrivateKey) -> bytes:
    """The public half as SubjectPublicKeyInfo."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def pkcs8(key: Any) -> str:
    """The private key (RFC 5958) in hexadecimal."""
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()).hex()
