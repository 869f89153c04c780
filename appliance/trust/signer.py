"""Signers: keys that sign COSE objects, held in a TPM or, at the vendor, in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, utils

from media_format.cose import Algorithm
from media_format.errors import Misuse

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | mldsa.MLDSA65PrivateKey


@dataclass(frozen=True, slots=True)
class TpmSigner:
    """A P-256 key that never leaves its TPM.

    Implements `media_format.cose.Signer`. `operation` is the TPM's sign call with key and authorisation
    bound; what it raises passes through.
    """

    operation: Callable[[bytes], bytes] = field(repr=False)
    chain: tuple[bytes, ...] = ()
    bag: tuple[bytes, ...] = ()

    @property
    def algorithm(self) -> Algorithm:
        """ES256: what every TPM 2.0 can do."""
        return Algorithm.ES256

    def sign(self, message: bytes) -> bytes:
        """The signature as COSE writes it: r || s, 64 bytes (RFC 9053, 2.1)."""
        return self.operation(message)


@dataclass(frozen=True, slots=True)
class KeySigner:
    """A private key in memory: ECDSA on P-256 or P-384, Ed25519 or ML-DSA-65.

    Implements `media_format.cose.Signer`. Raises Misuse for curves the format does not use.
    """

    key: PrivateKey = field(repr=False)
    chain: tuple[bytes, ...] = ()
    bag: tuple[bytes, ...] = ()

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm that belongs to the key."""
        match self.key:
            case ec.EllipticCurvePrivateKey(curve=ec.SECP256R1()):
                return Algorithm.ES256
            case ec.EllipticCurvePrivateKey(curve=ec.SECP384R1()):
                return Algorithm.ES384
            case ed25519.Ed25519PrivateKey():
                return Algorithm.EDDSA
            case mldsa.MLDSA65PrivateKey():
                return Algorithm.ML_DSA_65
        raise Misuse("the format has no signature algorithm for this key")

    def sign(self, message: bytes) -> bytes:
        """The signature as COSE writes it (RFC 9053)."""
        algorithm = self.algorithm
        if not isinstance(self.key, ec.EllipticCurvePrivateKey):
            return self.key.sign(message)
        digest, size = (hashes.SHA256(), 32) if algorithm is Algorithm.ES256 else (hashes.SHA384(), 48)
        r, s = utils.decode_dss_signature(self.key.sign(message, ec.ECDSA(digest)))
        return r.to_bytes(size, "big") + s.to_bytes(size, "big")
