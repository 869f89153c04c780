"""HPKE: the vectors of RFC 9180 and of X-Wing, and everything that must not open."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import cryptography_vectors
import pytest
from cryptography.hazmat.bindings._rust import openssl as rust_openssl
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mlkem, x25519
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from media_format.errors import Misuse
from media_format.kem import Kem
from media_format.payload import hpke
from media_format.refusal import Code, Refusal

INFO = b"what the key is for"
SECRET = bytes(range(32))
P256_KEY = ec.derive_private_key(2025, ec.SECP256R1())
MLKEM_KEY = mlkem.MLKEM768PrivateKey.from_seed_bytes(bytes(range(64)))
X25519_KEY = x25519.X25519PrivateKey.from_private_bytes(bytes(range(32)))
XWING_KEY = MLKEM768X25519PrivateKey(MLKEM_KEY, X25519_KEY)
XWING_PUBLIC = MLKEM_KEY.public_key().public_bytes_raw() + X25519_KEY.public_key().public_bytes_raw()


def spki(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


P256_PUBLIC = spki(P256_KEY.public_key())


class Agreement:
    """A key that does nothing but agree, as in a TPM; remembers the points it was given."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, strip: bool = False) -> None:
        self.key = key
        self.asked: list[bytes] = []
        self.strip = strip

    def __call__(self, peer: bytes) -> bytes:
        self.asked.append(peer)
        other = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), peer)
        shared = self.key.exchange(ec.ECDH(), other)
        return shared.lstrip(b"\0") if self.strip else shared

    def open(self, encapsulation: bytes, ciphertext: bytes, info: bytes = INFO) -> bytes:
        own = point(self.key.public_key())
        return hpke.open_with_agreement(self, own, encapsulation, ciphertext, info)


def vectors(name: str, **wanted: object) -> list[dict[str, Any]]:
    with cryptography_vectors.open_vector_file(f"HPKE/{name}", "r") as file:
        found = [v for v in json.load(file) if all(v[key] == value for key, value in wanted.items())]
    assert found, "the vectors are gone"
    return found


@pytest.mark.parametrize("aead", [hpke.AES_128_GCM, hpke.AES_256_GCM])
def test_the_vectors_of_rfc_9180_open_through_an_agreement(aead: int) -> None:
    for vector in vectors("test-vectors.json", mode=0, kem_id=Kem.P256, kdf_id=1, aead_id=aead):
        key = ec.derive_private_key(int(vector["skRm"], 16), ec.SECP256R1())
        agreement = Agreement(key)
        message = vector["encryptions"][0]
        opened = hpke.open_with_agreement(
            agreement,
            bytes.fromhex(vector["pkRm"]),
            bytes.fromhex(vector["enc"]),
            bytes.fromhex(message["ct"]),
            bytes.fromhex(vector["info"]),
            aead=aead,
            aad=bytes.fromhex(message["aad"]),
        )
        assert opened == bytes.fromhex(message["pt"])
        assert agreement.asked == [bytes.fromhex(vector["enc"])]


def xwing_from_seed(seed: bytes) -> tuple[MLKEM768X25519PrivateKey, bytes]:
    """The key pair of draft-connolly-cfrg-xwing-kem, section 5.2."""
    expanded = hashlib.shake_256(seed).digest(96)
    post_quantum = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    classical = x25519.X25519PrivateKey.from_private_bytes(expanded[64:])
    public = post_quantum.public_key().public_bytes_raw() + classical.public_key().public_bytes_raw()
    return MLKEM768X25519PrivateKey(post_quantum, classical), public


def test_the_xwing_vectors_fix_the_layout_of_keys_and_encapsulations() -> None:
    suite = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    for vector in vectors("hpke-pq-test-vectors.json", mode=0, kem_id=Kem.XWING, kdf_id=1, aead_id=3):
        key, public = xwing_from_seed(bytes.fromhex(vector["skRm"]))
        assert public == bytes.fromhex(vector["pkRm"])
        encapsulation, message = bytes.fromhex(vector["enc"]), vector["encryptions"][0]
        assert len(encapsulation) == hpke.ENCAPSULATION[Kem.XWING]
        sealed = encapsulation + bytes.fromhex(message["ct"])
        info, aad = bytes.fromhex(vector["info"]), bytes.fromhex(message["aad"])
        opened = rust_openssl.hpke._decrypt_with_aad(suite, sealed, key, info, aad)
        assert opened == bytes.fromhex(message["pt"])
        assert (
            hpke.open_with_private(Kem.XWING, key, *hpke.seal(Kem.XWING, public, SECRET, INFO), INFO)
            == SECRET
        )


@settings(max_examples=25, deadline=None)
@given(plaintext=st.binary(max_size=200), info=st.binary(max_size=200))
def test_what_is_sealed_to_p256_opens_in_software_and_through_an_agreement(
    plaintext: bytes, info: bytes
) -> None:
    sealed = hpke.seal(Kem.P256, P256_PUBLIC, plaintext, info)
    assert hpke.open_with_private(Kem.P256, P256_KEY, *sealed, info) == plaintext
    assert Agreement(P256_KEY).open(*sealed, info) == plaintext


@settings(max_examples=25, deadline=None)
@given(plaintext=st.binary(max_size=200), info=st.binary(max_size=200))
def test_what_is_sealed_to_xwing_opens(plaintext: bytes, info: bytes) -> None:
    sealed = hpke.seal(Kem.XWING, XWING_PUBLIC, plaintext, info)
    assert hpke.open_with_private(Kem.XWING, XWING_KEY, *sealed, info) == plaintext


def test_an_agreement_whose_result_lost_its_leading_zeros_still_opens() -> None:
    for _ in range(5000):
        sealed = hpke.seal(Kem.P256, P256_PUBLIC, SECRET, INFO)
        agreement = Agreement(P256_KEY, strip=True)
        if len(agreement(sealed[0])) < 32:
            assert agreement.open(*sealed) == SECRET
            return
    pytest.fail("no shared coordinate began with a zero byte")


def test_two_seals_of_the_same_secret_have_nothing_in_common() -> None:
    first, second = (hpke.seal(Kem.P256, P256_PUBLIC, SECRET, INFO) for _ in range(2))
    assert first[0] != second[0]
    assert first[1] != second[1]


def refused(code: Code, opening: Any, *arguments: Any) -> None:
    with pytest.raises(Refusal) as refusal:
        opening(*arguments)
    assert refusal.value.code is code


def test_any_flipped_bit_closes_a_p256_seal() -> None:
    encapsulation, ciphertext = hpke.seal(Kem.P256, P256_PUBLIC, SECRET, INFO)
    sealed, size = encapsulation + ciphertext, len(encapsulation)
    for bit in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        parts = bytes(changed[:size]), bytes(changed[size:])
        refused(Code.DECRYPTION_FAILED, hpke.open_with_private, Kem.P256, P256_KEY, *parts, INFO)
        refused(Code.DECRYPTION_FAILED, Agreement(P256_KEY).open, *parts)


def test_any_changed_byte_closes_an_xwing_seal() -> None:
    encapsulation, ciphertext = hpke.seal(Kem.XWING, XWING_PUBLIC, SECRET, INFO)
    sealed, size = encapsulation + ciphertext, len(encapsulation)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1 << place % 8
        parts = bytes(changed[:size]), bytes(changed[size:])
        refused(Code.DECRYPTION_FAILED, hpke.open_with_private, Kem.XWING, XWING_KEY, *parts, INFO)


@pytest.mark.parametrize("kem", list(Kem))
def test_another_info_or_another_key_opens_nothing(kem: Kem) -> None:
    key = P256_KEY if kem is Kem.P256 else XWING_KEY
    public = P256_PUBLIC if kem is Kem.P256 else XWING_PUBLIC
    sealed = hpke.seal(kem, public, SECRET, INFO)
    stranger = ec.generate_private_key(ec.SECP256R1()) if kem is Kem.P256 else xwing_from_seed(b"stranger")[0]
    for info in (b"", INFO[:-1], INFO + b"\0", INFO.upper()):
        refused(Code.DECRYPTION_FAILED, hpke.open_with_private, kem, key, *sealed, info)
    refused(Code.DECRYPTION_FAILED, hpke.open_with_private, kem, stranger, *sealed, INFO)


@pytest.mark.parametrize("kem", list(Kem))
def test_the_boundary_between_encapsulation_and_ciphertext_cannot_move(kem: Kem) -> None:
    key = P256_KEY if kem is Kem.P256 else XWING_KEY
    encapsulation, ciphertext = hpke.seal(kem, P256_PUBLIC if kem is Kem.P256 else XWING_PUBLIC, SECRET, INFO)
    sealed = encapsulation + ciphertext
    for place in (0, 1, len(encapsulation) - 1, len(encapsulation) + 1, len(sealed)):
        parts = sealed[:place], sealed[place:]
        refused(Code.DECRYPTION_FAILED, hpke.open_with_private, kem, key, *parts, INFO)


def compressed(uncompressed: bytes) -> bytes:
    return bytes([2 + uncompressed[-1] % 2]) + uncompressed[1:33]


def test_only_uncompressed_points_of_the_curve_reach_the_key() -> None:
    encapsulation, ciphertext = hpke.seal(Kem.P256, P256_PUBLIC, SECRET, INFO)
    off_curve = encapsulation[:-1] + bytes([encapsulation[-1] ^ 1])
    hybrid = bytes([6 + encapsulation[-1] % 2]) + encapsulation[1:]
    past_the_field = b"\x04" + b"\xff" * 64
    infinity = bytes(65)
    for bad in (
        b"",
        b"\0",
        infinity,
        off_curve,
        hybrid,
        past_the_field,
        compressed(encapsulation),
        encapsulation + b"\0",
    ):
        agreement = Agreement(P256_KEY)
        refused(Code.DECRYPTION_FAILED, agreement.open, bad, ciphertext)
        refused(Code.DECRYPTION_FAILED, hpke.open_with_private, Kem.P256, P256_KEY, bad, ciphertext, INFO)
        assert agreement.asked == []


def test_a_fault_of_the_key_store_is_not_taken_for_a_wrong_key() -> None:
    def broken(peer: bytes) -> bytes:
        raise ValueError("the key store is confused")

    sealed = hpke.seal(Kem.P256, P256_PUBLIC, SECRET, INFO)
    with pytest.raises(ValueError, match="confused"):
        hpke.open_with_agreement(broken, point(P256_KEY.public_key()), *sealed, INFO)


def test_a_private_key_of_another_kind_is_misuse() -> None:
    sealed = hpke.seal(Kem.XWING, XWING_PUBLIC, SECRET, INFO)
    with pytest.raises(Misuse):
        hpke.open_with_private(Kem.XWING, P256_KEY, *sealed, INFO)


EC_ALGORITHM = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")
UNKNOWN_CURVE = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030163")
POINT = point(P256_KEY.public_key())


@pytest.mark.parametrize(
    "public",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x30\x80\x00\x00", id="indefinite length"),
        pytest.param(P256_PUBLIC[:-1], id="cut short"),
        pytest.param(P256_PUBLIC + b"\0", id="with a tail"),
        pytest.param(POINT, id="a bare point"),
        pytest.param(spki(ec.derive_private_key(2025, ec.SECP384R1()).public_key()), id="P-384"),
        pytest.param(spki(ed25519.Ed25519PrivateKey.generate().public_key()), id="Ed25519"),
        pytest.param(b"\x30\x59" + UNKNOWN_CURVE + b"\x03\x42\x00" + POINT, id="an unknown curve"),
        pytest.param(bytes.fromhex("300e300906032a030406020500030100"), id="an unknown algorithm"),
        pytest.param(P256_PUBLIC[:-1] + bytes([P256_PUBLIC[-1] ^ 1]), id="off the curve"),
        pytest.param(b"\x30\x39" + EC_ALGORITHM + b"\x03\x22\x00" + compressed(POINT), id="compressed"),
    ],
)
def test_what_is_no_p256_key_is_malformed(public: bytes) -> None:
    refused(Code.MALFORMED, hpke.seal, Kem.P256, public, SECRET, INFO)


@pytest.mark.parametrize(
    "public",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(XWING_PUBLIC[:1184], id="one half"),
        pytest.param(XWING_PUBLIC[:-1], id="cut short"),
        pytest.param(XWING_PUBLIC + b"\0", id="with a tail"),
        pytest.param(b"\xff" * 1184 + XWING_PUBLIC[1184:], id="coefficients past the modulus"),
        pytest.param(XWING_PUBLIC[:1184] + bytes(32), id="a point of small order"),
        pytest.param(P256_PUBLIC, id="P-256"),
    ],
)
def test_what_is_no_xwing_key_is_malformed(public: bytes) -> None:
    refused(Code.MALFORMED, hpke.seal, Kem.XWING, public, SECRET, INFO)
