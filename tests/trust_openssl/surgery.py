"""Changes to a signed certificate or list that the library does not make: in the DER, signed again or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from tests.trust_openssl.forms import Afterwards, SigningKey

_SEQUENCE, _BIT_STRING, _INTEGER, _EXPLICIT_VERSION, _EXPLICIT_EXTENSIONS = 0x30, 0x03, 0x02, 0xA0, 0xA3
_ECDSA_WITH_SHA1: Final = bytes.fromhex("3009" + "06072a8648ce3d0401")
"""AlgorithmIdentifier (RFC 3279, 2.2.3)."""
_ECDSA_WITH_SHA2: Final = bytes.fromhex("300a" + "06082a8648ce3d0403")
"""All of an AlgorithmIdentifier (RFC 5758, 3.2) but its last byte, which is the hash."""


def children(der: bytes) -> list[bytes]:
    """The elements inside one, each with its head."""
    found, rest = [], _inside(der)
    while rest:
        length = _head(rest)[0] + _head(rest)[1]
        found.append(rest[:length])
        rest = rest[length:]
    return found


def element(tag: int, inside: bytes) -> bytes:
    """One element of DER."""
    size = len(inside)
    if size < 0x80:
        return bytes((tag, size)) + inside
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + inside


def flip_signature(der: bytes, _signer: SigningKey) -> bytes:
    """Change the last bit of the signature."""
    return der[:-1] + bytes((der[-1] ^ 1,))


def say_another_hash(der: bytes, _signer: SigningKey) -> bytes:
    """Let the outer signature algorithm be another one than the signed one (RFC 5280, 4.1.1.2)."""
    body, algorithm, signature = children(der)
    assert algorithm.startswith(_ECDSA_WITH_SHA2)
    other = 2 if algorithm[-1] != 2 else 3
    return element(_SEQUENCE, body + algorithm[:-1] + bytes((other,)) + signature)


def sign_with_sha1(der: bytes, signer: SigningKey) -> bytes:
    """Sign it again, correctly, over SHA-1."""
    body, algorithm, _ = children(der)
    changed = _inside(body).replace(algorithm, _ECDSA_WITH_SHA1, 1)
    return _signed(element(_SEQUENCE, changed), _ECDSA_WITH_SHA1, signer, hashes.SHA1())


def with_serial(value: bytes) -> Afterwards:
    """Put another serial number into a certificate, as the bytes of an INTEGER."""
    return _with_body(lambda parts: [parts[0], element(_INTEGER, value), *parts[2:]])


def extension_twice(der: bytes, signer: SigningKey) -> bytes:
    """Say a certificate's first extension a second time (RFC 5280, 4.2)."""

    def doubled(parts: list[bytes]) -> list[bytes]:
        assert parts[-1][0] == _EXPLICIT_EXTENSIONS
        (every,) = children(parts[-1])
        listed = children(every)
        again = element(_SEQUENCE, b"".join((*listed, listed[0])))
        return [*parts[:-1], element(_EXPLICIT_EXTENSIONS, again)]

    return _with_body(doubled)(der, signer)


def version_1(der: bytes, signer: SigningKey) -> bytes:
    """Make a certificate one of version 1, which has no extensions."""

    def bare(parts: list[bytes]) -> list[bytes]:
        assert parts[0][0] == _EXPLICIT_VERSION
        return parts[1:-1]

    return _with_body(bare)(der, signer)


def _with_body(change: Callable[[list[bytes]], list[bytes]]) -> Afterwards:
    def changed(der: bytes, signer: SigningKey) -> bytes:
        body, algorithm, _ = children(der)
        hashed = {2: hashes.SHA256(), 3: hashes.SHA384(), 4: hashes.SHA512()}[algorithm[-1]]
        return _signed(element(_SEQUENCE, b"".join(change(children(body)))), algorithm, signer, hashed)

    return changed


def _signed(body: bytes, algorithm: bytes, signer: SigningKey, digest: hashes.HashAlgorithm) -> bytes:
    signature = element(_BIT_STRING, b"\0" + signer.sign(body, ec.ECDSA(digest)))
    return element(_SEQUENCE, body + algorithm + signature)


def _head(der: bytes) -> tuple[int, int]:
    """The lengths of an element's head and of what is inside."""
    if der[1] < 0x80:
        return 2, der[1]
    size = der[1] & 0x7F
    return 2 + size, int.from_bytes(der[2 : 2 + size], "big")


def _inside(der: bytes) -> bytes:
    head, length = _head(der)
    return der[head : head + length]
