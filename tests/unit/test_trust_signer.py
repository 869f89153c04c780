"""Signers: what they sign verifies with the algorithm they name, and shows no secret."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa

from appliance.trust.signer import KeySigner, PrivateKey, TpmSigner
from media_format import cose
from media_format.cose import Algorithm
from media_format.errors import Misuse
from media_format.refusal import Code
from tests.trust_world import new_key, refused

TYPE = "application/vnd.updatebox.test+cbor"
KEYS: list[tuple[Callable[[], PrivateKey], Algorithm]] = [
    (new_key, Algorithm.ES256),
    (lambda: ec.generate_private_key(ec.SECP384R1()), Algorithm.ES384),
    (ed25519.Ed25519PrivateKey.generate, Algorithm.EDDSA),
    (mldsa.MLDSA65PrivateKey.generate, Algorithm.ML_DSA_65),
]


@pytest.mark.parametrize(("make", "algorithm"), KEYS, ids=lambda value: getattr(value, "name", ""))
def test_a_key_signs_with_the_algorithm_it_is_for(
    make: Callable[[], PrivateKey], algorithm: Algorithm
) -> None:
    key = make()
    data = cose.sign1(TYPE, b"payload", KeySigner(key))
    signature = cose.read_sign1(data, TYPE, 100).signatures[0]
    assert signature.algorithm is algorithm
    signature.verify(key.public_key())
    with refused(Code.SIGNATURE_INVALID):
        signature.verify(make().public_key())


def test_a_curve_the_format_does_not_use_is_misuse() -> None:
    with pytest.raises(Misuse):
        cose.sign1(TYPE, b"payload", KeySigner(ec.generate_private_key(ec.SECP521R1())))


def test_a_tpm_signer_passes_the_message_to_the_tpm() -> None:
    key = KeySigner(new_key())
    data = cose.sign1(TYPE, b"payload", TpmSigner(key.sign, (), ()))
    cose.read_sign1(data, TYPE, 100).signatures[0].verify(key.key.public_key())


def test_a_signer_does_not_show_its_key() -> None:
    assert "key" not in repr(KeySigner(new_key()))
