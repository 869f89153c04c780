"""COSE signatures (RFC 9052) with X.509 chains in the protected header (RFC 9360).

Unprotected headers are empty. The content type in the protected header (RFC 9052, 3.1) names the kind
of object, so that a signature over one kind is never one over another. What is decoded here is not
verified yet: chains and purposes are judged in `appliance.trust`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, utils

from media_format import cbor, limits
from media_format.refusal import Code, Refusal
from media_format.wire import Blob, Text, malformed

SIGN1_TAG: Final = 18
SIGN_TAG: Final = 98

_ALG: Final = 1
_CONTENT_TYPE: Final = 3
_X5BAG: Final = 32
_X5CHAIN: Final = 33

_CERTIFICATE: Final = Blob(1, limits.MAX_CERTIFICATE)
_SIGNATURE: Final = Blob(64, limits.MAX_SIGNATURE)
_HEADER: Final = Blob(1, limits.MAX_HEADER)


class Algorithm(IntEnum):
    """Signature algorithms of the format (IANA COSE Algorithms)."""

    ES256 = -7
    EDDSA = -8
    """Ed25519."""
    ES384 = -35
    ML_DSA_65 = -49


VerifyingKey: TypeAlias = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | mldsa.MLDSA65PublicKey


class Signer(Protocol):
    """A key that signs, with the certificates that vouch for it (DER, leaf first, without the root)."""

    @property
    def algorithm(self) -> Algorithm:
        """The algorithm of the key."""
        ...

    @property
    def chain(self) -> tuple[bytes, ...]:
        """The signer's certificate and those above it; empty where there is none yet."""
        ...

    @property
    def bag(self) -> tuple[bytes, ...]:
        """Further certificates that travel along (a device's encryption certificate); often empty."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The signature over `message` as COSE writes it (RFC 9053): r || s for ECDSA."""
        ...


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature with what its protected header says. Not verified."""

    algorithm: Algorithm
    chain: tuple[bytes, ...]
    bag: tuple[bytes, ...]
    signed: bytes
    """The Sig_structure (RFC 9052, 4.4): what the signature is over."""
    signature: bytes

    def verify(self, key: object) -> None:
        """Check the signature with a public key; Refusal(signature-invalid) if it is not the key's."""
        try:
            _verify(self.algorithm, key, self.signature, self.signed)
        except InvalidSignature:
            raise Refusal(Code.SIGNATURE_INVALID, "the signature does not match the data") from None


@dataclass(frozen=True, slots=True)
class SignedObject:
    """A payload and its signatures. Not verified."""

    payload: bytes
    signatures: tuple[Signature, ...]


def sign1(content_type: str, payload: bytes, signer: Signer) -> bytes:
    """A COSE_Sign1 object (RFC 9052, 4.2)."""
    protected = cbor.encode({**_signer_header(signer), _CONTENT_TYPE: content_type})
    signature = signer.sign(_to_be_signed(["Signature1", protected, b"", payload]))
    return cbor.encode(cbor.Tag(SIGN1_TAG, [protected, {}, payload, signature]))


def sign(content_type: str, payload: bytes, signers: Sequence[Signer]) -> bytes:
    """A COSE_Sign object (RFC 9052, 4.1) with one signature for each signer."""
    body = cbor.encode({_CONTENT_TYPE: content_type})
    signatures: list[cbor.Value] = []
    for signer in signers:
        protected = cbor.encode(_signer_header(signer))
        signature = signer.sign(_to_be_signed(["Signature", body, protected, b"", payload]))
        signatures.append([protected, {}, signature])
    return cbor.encode(cbor.Tag(SIGN_TAG, [body, {}, payload, signatures]))


def read_sign1(data: bytes, content_type: str, limit: int) -> SignedObject:
    """Decode a COSE_Sign1 object of one content type whose payload has at most `limit` bytes.

    Raises Refusal(malformed), (too-large) or (unsupported-format).
    """
    name = _name(content_type)
    protected, payload, signature = _body(data, SIGN1_TAG, name, limit, limits.MAX_SIGN1_OVERHEAD)
    header = _header(protected, name)
    _check_content_type(header.pop(_CONTENT_TYPE, None), content_type)
    signed = _to_be_signed(["Signature1", protected, b"", payload])
    return SignedObject(payload, (_signature(header, signed, signature, name),))


def read_sign(data: bytes, content_type: str, limit: int) -> SignedObject:
    """Decode a COSE_Sign object with one to eight signatures; otherwise as `read_sign1`."""
    name = _name(content_type)
    body, payload, parts = _body(data, SIGN_TAG, name, limit, limits.MAX_SIGN_OVERHEAD)
    header = _header(body, name)
    _check_content_type(header.pop(_CONTENT_TYPE, None), content_type)
    if header:
        raise malformed(name, "unknown protected headers")
    if isinstance(parts, str | bytes) or not isinstance(parts, Sequence):
        raise malformed(name, "signatures must be an array")
    if not 1 <= len(parts) <= limits.MAX_SIGNATURES:
        raise malformed(name, f"{len(parts)} signatures, not between 1 and {limits.MAX_SIGNATURES}")
    signatures = []
    for part in parts:
        protected, unprotected, signature = _array(part, 3, name)
        _check_empty(unprotected, name)
        encoded = _HEADER.decode(protected, f"{name} header")
        signed = _to_be_signed(["Signature", body, encoded, b"", payload])
        signatures.append(_signature(_header(encoded, name), signed, signature, name))
    return SignedObject(payload, tuple(signatures))


def _name(content_type: str) -> str:
    return content_type.removeprefix("application/vnd.updatebox.").removesuffix("+cbor")


def _signer_header(signer: Signer) -> dict[int | str, cbor.Value]:
    header: dict[int | str, cbor.Value] = {_ALG: int(signer.algorithm)}
    for label, certificates in ((_X5CHAIN, signer.chain), (_X5BAG, signer.bag)):
        if certificates:
            # RFC 9360 section 2: a single certificate is not wrapped in an array.
            header[label] = certificates[0] if len(certificates) == 1 else list(certificates)
    return header


def _to_be_signed(structure: list[cbor.Value]) -> bytes:
    return cbor.encode(structure)


def _body(data: bytes, tag: int, name: str, limit: int, overhead: int) -> tuple[bytes, bytes, cbor.Value]:
    value = cbor.decode(data, limit + overhead, name)
    if not isinstance(value, cbor.Tag) or value.number != tag:
        raise malformed(name, f"must be a COSE object with tag {tag}")
    protected, unprotected, payload, rest = _array(value.value, 4, name)
    _check_empty(unprotected, name)
    body = _HEADER.decode(protected, f"{name} header")
    if isinstance(payload, bytes) and len(payload) > limit:
        raise Refusal(Code.TOO_LARGE, f"{name}: {len(payload)} bytes, at most {limit} are allowed")
    return body, Blob(1, limit).decode(payload, f"{name} payload"), rest


def _array(value: cbor.Value, size: int, name: str) -> Sequence[cbor.Value]:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence) or len(value) != size:
        raise malformed(name, f"must be a COSE array of {size}")
    return value


def _check_empty(unprotected: cbor.Value, name: str) -> None:
    if not isinstance(unprotected, Mapping) or unprotected:
        raise malformed(name, "the unprotected header must be an empty map")


def _header(protected: bytes, name: str) -> dict[int | str, cbor.Value]:
    header = cbor.decode(protected, len(protected), f"{name} header")
    if not isinstance(header, Mapping) or not header:
        raise malformed(name, "the protected header must be a map that is not empty")
    return dict(header)


def _check_content_type(found: cbor.Value, expected: str) -> None:
    if Text(128).decode(found, "content type") != expected:
        raise malformed(_name(expected), f"the content type is {found!r}")


def _signature(
    header: dict[int | str, cbor.Value], signed: bytes, signature: cbor.Value, name: str
) -> Signature:
    algorithm = header.pop(_ALG, None)
    chain = _certificates(header, _X5CHAIN, f"{name} x5chain")
    bag = _certificates(header, _X5BAG, f"{name} x5bag")
    if header:
        raise malformed(name, "unknown protected headers")
    return Signature(
        _algorithm(algorithm, name), chain, bag, signed, _SIGNATURE.decode(signature, f"{name} signature")
    )


def _algorithm(value: cbor.Value, name: str) -> Algorithm:
    if isinstance(value, bool) or not isinstance(value, int):
        raise malformed(name, "the signature algorithm must be a number")
    try:
        return Algorithm(value)
    except ValueError:
        raise Refusal(Code.UNSUPPORTED_FORMAT, f"{name}: unknown signature algorithm {value}") from None


def _certificates(header: dict[int | str, cbor.Value], label: int, path: str) -> tuple[bytes, ...]:
    if label not in header:
        return ()
    value = header.pop(label)
    if isinstance(value, bytes):
        return (_CERTIFICATE.decode(value, path),)
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise malformed(path, "must be a certificate or an array of them")
    if not 2 <= len(value) <= limits.MAX_CHAIN:
        raise malformed(path, f"an array of {len(value)} certificates, not between 2 and {limits.MAX_CHAIN}")
    return tuple(_CERTIFICATE.decode(item, path) for item in value)


_CURVES: Final[dict[Algorithm, tuple[str, hashes.HashAlgorithm, int]]] = {
    Algorithm.ES256: ("secp256r1", hashes.SHA256(), 32),
    Algorithm.ES384: ("secp384r1", hashes.SHA384(), 48),
}


def _verify(algorithm: Algorithm, key: object, signature: bytes, message: bytes) -> None:
    match algorithm, key:
        case ((Algorithm.ES256 | Algorithm.ES384), ec.EllipticCurvePublicKey()):
            curve, digest, size = _CURVES[algorithm]
            if key.curve.name != curve or len(signature) != 2 * size:
                raise InvalidSignature
            r, s = (int.from_bytes(part, "big") for part in (signature[:size], signature[size:]))
            key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(digest))
        case Algorithm.EDDSA, ed25519.Ed25519PublicKey():
            key.verify(signature, message)
        case Algorithm.ML_DSA_65, mldsa.MLDSA65PublicKey():
            key.verify(signature, message)
        case _:
            raise InvalidSignature
