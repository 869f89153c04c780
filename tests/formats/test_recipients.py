"""Recipients: who can open a wrapped content key, and who cannot."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from cryptography.hazmat.primitives.hpke import MLKEM768X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from media_format.kem import Kem
from media_format.objects.envelope import Recipient, Wrap
from media_format.payload import hpke
from media_format.payload.recipients import OpenLayer, RecipientKey, Wrapped, unwrap, wrap
from media_format.refusal import Code, Refusal

CONTENT_KEY = bytes(range(32))
INFO = b"package, release, recipient"


class Owner:
    """A decryption key with its private halves."""

    def __init__(self, p256: bool, xwing: bool) -> None:
        self.asked: list[Kem] = []
        self._p256 = ec.generate_private_key(ec.SECP256R1())
        mlkem_key, x25519_key = mlkem.MLKEM768PrivateKey.generate(), x25519.X25519PrivateKey.generate()
        self._xwing = MLKEM768X25519PrivateKey(mlkem_key, x25519_key)
        spki = self._p256.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        raw = mlkem_key.public_key().public_bytes_raw() + x25519_key.public_key().public_bytes_raw()
        self.key = RecipientKey(spki if p256 else None, raw if xwing else None)

    def open_layer(self, kem: Kem, encapsulation: bytes, ciphertext: bytes, info: bytes) -> bytes:
        self.asked.append(kem)
        private = self._p256 if kem is Kem.P256 else self._xwing
        return hpke.open_with_private(kem, private, encapsulation, ciphertext, info)

    def open(self, wrapped: Wrapped, info: bytes = INFO) -> bytes:
        return unwrap(wrapped, self.key.kems, self.open_layer, info)


@pytest.fixture(params=[(True, False), (False, True), (True, True)], ids=["p256", "xwing", "both"])
def owner(request: pytest.FixtureRequest) -> Owner:
    return Owner(*request.param)


def refused(
    code: Code, wrapped: Wrapped, kems: tuple[Kem, ...], layer: OpenLayer, info: bytes = INFO
) -> None:
    with pytest.raises(Refusal) as refusal:
        unwrap(wrapped, kems, layer, info)
    assert refusal.value.code is code
    assert CONTENT_KEY.hex() not in str(refusal.value)


def test_a_recipient_opens_what_was_wrapped_for_it(owner: Owner) -> None:
    assert owner.open(wrap(CONTENT_KEY, owner.key, INFO)) == CONTENT_KEY
    assert tuple(owner.asked) == owner.key.kems


def test_a_stranger_opens_nothing(owner: Owner) -> None:
    stranger = Owner(p256=True, xwing=True)
    wrapped = wrap(CONTENT_KEY, owner.key, INFO)
    refused(Code.DECRYPTION_FAILED, wrapped, owner.key.kems, stranger.open_layer)


def test_another_info_opens_nothing(owner: Owner) -> None:
    wrapped = wrap(CONTENT_KEY, owner.key, INFO)
    refused(Code.DECRYPTION_FAILED, wrapped, owner.key.kems, owner.open_layer, INFO + b"!")


def test_p256_encloses_xwing_where_there_are_both() -> None:
    owner = Owner(p256=True, xwing=True)
    wrapped = wrap(CONTENT_KEY, owner.key, INFO)
    assert [layer.kem for layer in wrapped.wraps] == [Kem.P256, Kem.XWING]
    outer, inner = wrapped.wraps
    enclosed = owner.open_layer(Kem.P256, outer.encapsulation, wrapped.wrapped_key, INFO)
    assert CONTENT_KEY not in enclosed
    assert owner.open_layer(Kem.XWING, inner.encapsulation, enclosed, INFO) == CONTENT_KEY


@pytest.mark.parametrize("broken", list(Kem))
def test_breaking_one_of_two_mechanisms_opens_nothing(broken: Kem) -> None:
    owner, attacker = Owner(p256=True, xwing=True), Owner(p256=True, xwing=True)

    def layer(kem: Kem, encapsulation: bytes, ciphertext: bytes, info: bytes) -> bytes:
        able = owner if kem is broken else attacker
        return able.open_layer(kem, encapsulation, ciphertext, info)

    refused(Code.DECRYPTION_FAILED, wrap(CONTENT_KEY, owner.key, INFO), owner.key.kems, layer)


def test_every_weaker_wrap_is_refused_before_any_key_is_used() -> None:
    owner = Owner(p256=True, xwing=True)
    both = wrap(CONTENT_KEY, owner.key, INFO)
    p256 = wrap(CONTENT_KEY, replace(owner.key, xwing=None), INFO)
    xwing = wrap(CONTENT_KEY, replace(owner.key, p256=None), INFO)
    bare = Wrapped((), CONTENT_KEY)
    turned = replace(both, wraps=both.wraps[::-1])
    twice = replace(both, wraps=(both.wraps[0], *both.wraps))
    for weaker in (p256, xwing, bare, turned, twice):
        refused(Code.DECRYPTION_FAILED, weaker, owner.key.kems, owner.open_layer)
    assert owner.asked == []


def test_a_key_that_gained_a_second_half_is_not_asked_for_the_old_wraps() -> None:
    owner = Owner(p256=True, xwing=False)
    nested = wrap(CONTENT_KEY, Owner(p256=True, xwing=True).key, INFO)
    refused(Code.DECRYPTION_FAILED, nested, owner.key.kems, owner.open_layer)


def test_a_layer_of_another_package_cannot_be_put_in() -> None:
    owner = Owner(p256=True, xwing=True)
    first, second = (wrap(CONTENT_KEY, owner.key, INFO) for _ in range(2))
    mixed = replace(first, wraps=(first.wraps[0], second.wraps[1]))
    refused(Code.DECRYPTION_FAILED, mixed, owner.key.kems, owner.open_layer)
    refused(
        Code.DECRYPTION_FAILED,
        replace(first, wrapped_key=second.wrapped_key),
        owner.key.kems,
        owner.open_layer,
    )


def test_nothing_is_ever_wrapped_for_a_key_without_halves() -> None:
    with pytest.raises(Refusal) as refusal:
        RecipientKey(None, None)
    assert refusal.value.code is Code.MALFORMED


def test_no_layers_never_open_even_where_none_are_expected() -> None:
    owner = Owner(p256=True, xwing=True)
    refused(Code.DECRYPTION_FAILED, Wrapped((), CONTENT_KEY), (), owner.open_layer)


@pytest.mark.parametrize("key", [RecipientKey(b"\x30\x00", None), RecipientKey(None, bytes(1216 - 1))])
def test_a_malformed_half_is_refused(key: RecipientKey) -> None:
    with pytest.raises(Refusal) as refusal:
        wrap(CONTENT_KEY, key, INFO)
    assert refusal.value.code is Code.MALFORMED


def test_a_half_that_is_not_there_is_never_sealed_to() -> None:
    with pytest.raises(Refusal) as refusal:
        RecipientKey(b"a", None).half(Kem.XWING)
    assert refusal.value.code is Code.MALFORMED


def test_the_key_id_is_over_both_halves_and_their_places() -> None:
    assert RecipientKey(b"a", None).key_id == hashlib.sha256(bytes.fromhex("824161f6")).digest()
    assert RecipientKey(b"a", b"b").key_id == hashlib.sha256(cbor2.dumps([b"a", b"b"])).digest()
    halves = [(b"a", None), (None, b"a"), (b"a", b"a"), (b"a", b"b"), (b"b", b"a"), (b"ab", None)]
    assert len({RecipientKey(*pair).key_id for pair in halves}) == len(halves)


def test_a_wrapped_key_fits_the_envelope(owner: Owner) -> None:
    wrapped = wrap(CONTENT_KEY, owner.key, INFO)
    recipient = Recipient(key_id=owner.key.key_id, wraps=wrapped.wraps, wrapped_key=wrapped.wrapped_key)
    again = Recipient.from_bytes(recipient.to_bytes())
    assert owner.open(Wrapped(again.wraps, again.wrapped_key)) == CONTENT_KEY
    assert len(recipient.to_bytes()) < Recipient.LIMIT
    assert all(isinstance(layer, Wrap) for layer in again.wraps)
