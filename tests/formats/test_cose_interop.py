"""COSE against pycose, an independent implementation: it verifies what we sign, and we read what it signs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, PublicFormat
from cryptography.hazmat.primitives.serialization import NoEncryption as NoPassword
from pycose import algorithms, headers
from pycose.keys.curves import P256, P384, Ed25519
from pycose.keys.ec2 import EC2Key
from pycose.keys.okp import OKPKey
from pycose.messages.sign1message import Sign1Message
from pycose.messages.signer import CoseSignature
from pycose.messages.signmessage import SignMessage

from appliance.trust.signer import KeySigner
from media_format import cose
from media_format.refusal import Code, Refusal
from tests.formats.vector_makers import keys

TYPE = "application/vnd.updatebox.receipt+cbor"
PAYLOAD = b"what is signed"
CHAIN = (b"the leaf in DER", b"its issuer in DER")
LIMIT = 1000

ECDSA: dict[str, tuple[ec.EllipticCurvePrivateKey, Any, Any]] = {
    "ES256": (keys.p256("interop"), P256, algorithms.Es256),
    "ES384": (keys.p384("interop"), P384, algorithms.Es384),
}
NAMES = ("ES256", "ES384", "EdDSA")


def ours(name: str) -> KeySigner:
    return KeySigner(ECDSA[name][0] if name in ECDSA else keys.eddsa("interop"), CHAIN)


def theirs(name: str) -> Any:
    """The same key as pycose holds it."""
    if name not in ECDSA:
        key: ed25519.Ed25519PrivateKey = keys.eddsa("interop")
        raw = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoPassword())
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return OKPKey(crv=Ed25519, d=raw, x=public)
    private, curve, _ = ECDSA[name]
    numbers, size = private.private_numbers(), private.key_size // 8
    x, y = (part.to_bytes(size, "big") for part in (numbers.public_numbers.x, numbers.public_numbers.y))
    return EC2Key(crv=curve, d=numbers.private_value.to_bytes(size, "big"), x=x, y=y)


def their_algorithm(name: str) -> Any:
    return ECDSA[name][2] if name in ECDSA else algorithms.EdDSA


def decoded(kind: Any, data: bytes) -> Any:
    """A COSE object as pycose reads it. It expects lists and dicts, where cbor2 gives immutable ones."""
    tagged = cbor2.loads(data)
    assert tagged.tag == kind.cbor_tag
    return kind.from_cose_obj(_mutable(tagged.value), True)


def _mutable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _mutable(item) for key, item in value.items()}
    return [_mutable(item) for item in value] if isinstance(value, tuple | list) else value


@pytest.mark.parametrize("name", NAMES)
def test_another_implementation_verifies_one_signature_of_ours(name: str) -> None:
    message = decoded(Sign1Message, cose.sign1(TYPE, PAYLOAD, ours(name)))
    message.key = theirs(name)
    assert message.verify_signature()
    assert message.payload == PAYLOAD
    assert message.phdr[headers.ContentType] == TYPE
    assert list(message.phdr[headers.X5chain]) == list(CHAIN)
    message.payload += b"!"
    assert not message.verify_signature()


def test_another_implementation_verifies_several_signatures_of_ours() -> None:
    message = decoded(SignMessage, cose.sign(TYPE, PAYLOAD, [ours(name) for name in NAMES]))
    assert len(message.signers) == len(NAMES)
    for name, signer in zip(NAMES, message.signers, strict=True):
        signer.key = theirs(name)
        assert signer.verify_signature()


@pytest.mark.parametrize("name", NAMES)
def test_we_read_one_signature_of_another_implementation(name: str) -> None:
    header = {
        headers.Algorithm: their_algorithm(name),
        headers.ContentType: TYPE,
        headers.X5chain: list(CHAIN),
    }
    message = Sign1Message(phdr=header, uhdr={}, payload=PAYLOAD, key=theirs(name))
    signed = cose.read_sign1(message.encode(), TYPE, LIMIT)
    (signature,) = signed.signatures
    assert (signed.payload, signature.chain, signature.bag) == (PAYLOAD, CHAIN, ())
    signature.verify(ours(name).key.public_key())
    with pytest.raises(Refusal) as caught:
        signature.verify(keys.p256("another").public_key())
    assert caught.value.code is Code.SIGNATURE_INVALID


def test_we_read_several_signatures_of_another_implementation() -> None:
    signers = [
        CoseSignature(
            phdr={headers.Algorithm: their_algorithm(name), headers.X5chain: list(CHAIN)},
            uhdr={},
            key=theirs(name),
        )
        for name in NAMES
    ]
    message = SignMessage(phdr={headers.ContentType: TYPE}, uhdr={}, payload=PAYLOAD, signers=signers)
    signed = cose.read_sign(message.encode(), TYPE, LIMIT)
    for name, signature in zip(NAMES, signed.signatures, strict=True):
        signature.verify(ours(name).key.public_key())


def test_an_ml_dsa_signature_is_over_the_structure_of_the_standard() -> None:
    # pycose knows no ML-DSA, so the Sig_structure (RFC 9052, 4.4) is put together here with cbor2.
    key: mldsa.MLDSA65PrivateKey = keys.ml_dsa("interop")
    protected, unprotected, payload, signature = cbor2.loads(
        cose.sign1(TYPE, PAYLOAD, KeySigner(key, CHAIN))
    ).value
    assert (unprotected, payload) == ({}, PAYLOAD)
    assert _mutable(cbor2.loads(protected)) == {1: -49, 3: TYPE, 33: list(CHAIN)}
    key.public_key().verify(signature, cbor2.dumps(["Signature1", protected, b"", payload]))
