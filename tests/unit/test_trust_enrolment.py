"""Enrolment requests: signed by the key they name, and by no other."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from appliance.trust.enrolment import make_enrolment, read_enrolment
from appliance.trust.profile import spki
from appliance.trust.signer import KeySigner
from media_format.objects import EncryptionKey, EnrolmentRequest, Role
from media_format.refusal import Code
from tests.trust_world import KIND, new_key, refused

KEY = new_key()
ENCRYPTION = new_key()
REQUEST = EnrolmentRequest(
    format=1,
    role=Role.DEVICE,
    id="pump-17",
    epoch=1,
    device=KIND,
    identity=spki(KEY.public_key()),
    encryption=EncryptionKey(p256=spki(ENCRYPTION.public_key()), xwing=bytes(1216)),
)


def test_an_enrolment_shows_both_keys() -> None:
    verified = read_enrolment(make_enrolment(REQUEST, KeySigner(KEY)))
    assert verified.request == REQUEST
    assert spki(verified.identity) == REQUEST.identity
    assert verified.encryption.p256 == REQUEST.encryption.p256 == spki(verified.encryption_key)
    assert verified.encryption.xwing == bytes(1216)
    assert len(verified.digest) == 32


def test_an_enrolment_signed_by_another_key_is_refused() -> None:
    with refused(Code.SIGNATURE_INVALID):
        read_enrolment(make_enrolment(REQUEST, KeySigner(new_key())))


def test_every_flipped_byte_is_noticed() -> None:
    data = make_enrolment(REQUEST, KeySigner(KEY))
    for position in range(0, len(data), 7):
        flipped = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        with refused(Code.MALFORMED, Code.SIGNATURE_INVALID, Code.UNSUPPORTED_FORMAT):
            read_enrolment(flipped)


@pytest.mark.parametrize(
    "changes",
    [
        {"identity": bytes(91)},
        {"identity": spki(ec.generate_private_key(ec.SECP384R1()).public_key())},
        {"encryption": EncryptionKey(p256=bytes(91))},
        {"encryption": EncryptionKey(p256=REQUEST.identity)},
    ],
    ids=["no key", "wrong curve", "no encryption key", "one key for both"],
)
def test_keys_of_the_wrong_kind_are_refused(changes: dict[str, Any]) -> None:
    with refused(Code.MALFORMED):
        read_enrolment(make_enrolment(dataclasses.replace(REQUEST, **changes), KeySigner(KEY)))


def test_certificates_do_not_belong_in_an_enrolment() -> None:
    with refused(Code.MALFORMED):
        read_enrolment(make_enrolment(REQUEST, KeySigner(KEY, (b"certificate",))))
