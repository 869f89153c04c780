"""Vectors of COSE signatures, as far as they need no certificates: the chains here are not looked into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from appliance.trust.signer import KeySigner, PrivateKey
from media_format import cbor, cose
from media_format.objects import Manifest, Receipt
from media_format.refusal import Code
from tests.formats.vector_makers import keys
from tests.formats.vector_makers.files import Folder
from tests.formats.vector_makers.objects import MANIFEST, RECEIPT

_CHAIN = (b"the leaf in DER", b"its issuer in DER")
_KEYS: dict[str, PrivateKey] = {
    "ES256": keys.p256("ES256 signer"),
    "ES384": keys.p384("ES384 signer"),
    "EdDSA": keys.eddsa("EdDSA signer"),
    "ML-DSA-65": keys.ml_dsa("ML-DSA signer"),
}
_SIGNER = KeySigner(_KEYS["ES256"], _CHAIN)


class _Parts:
    """The parts of a COSE_Sign1 object, to be changed one at a time."""

    def __init__(self) -> None:
        self.protected = cbor.encode({1: -7, 3: Receipt.CONTENT_TYPE, 33: list(_CHAIN)})
        self.unprotected: dict[int | str, cbor.Value] = {}
        self.payload = RECEIPT.to_bytes()
        self.signature = _SIGNER.sign(cbor.encode(["Signature1", self.protected, b"", self.payload]))

    def encoded(self, *, tag: int | None = cose.SIGN1_TAG, **changes: Any) -> bytes:
        """The object with some parts replaced; without a tag where it is None."""
        parts = {**vars(self), **changes}
        value = [parts[name] for name in ("protected", "unprotected", "payload", "signature")]
        return cbor.encode(value if tag is None else cbor.Tag(tag, value))

    def resigned(self, header: dict[int | str, cbor.Value]) -> bytes:
        """The object with another protected header, and a right signature over it."""
        protected = cbor.encode(header)
        signature = _SIGNER.sign(cbor.encode(["Signature1", protected, b"", self.payload]))
        return self.encoded(protected=protected, signature=signature)


def _flipped(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def make(root: Path) -> None:
    folder = Folder(root, "signed")
    for name, key in _KEYS.items():
        data = cose.sign1(Receipt.CONTENT_TYPE, RECEIPT.to_bytes(), KeySigner(key, _CHAIN, (b"a bag",)))
        _add(folder, f"a receipt signed with {name}", "receipt", data, [key])
    several = [_KEYS[name] for name in _KEYS]
    signers = [KeySigner(key, _CHAIN) for key in several]
    data = cose.sign(Manifest.CONTENT_TYPE, MANIFEST.to_bytes(), signers)
    _add(folder, "a manifest with a signature of every algorithm", "manifest", data, several)
    _refuse(folder)
    _refuse_manifests(folder)
    folder.write()


def _refuse(folder: Folder) -> None:
    parts, key = _Parts(), [_KEYS["ES256"]]
    header: dict[int | str, cbor.Value] = {1: -7, 3: Receipt.CONTENT_TYPE, 33: list(_CHAIN)}
    without = {label: value for label, value in header.items() if label != 3}
    cases: tuple[tuple[str, Code, bytes], ...] = (
        ("a changed payload", Code.SIGNATURE_INVALID, parts.encoded(payload=_flipped(parts.payload, -1))),
        (
            "a changed signature",
            Code.SIGNATURE_INVALID,
            parts.encoded(signature=_flipped(parts.signature, 5)),
        ),
        ("a signature of 96 bytes for ES256", Code.SIGNATURE_INVALID, parts.encoded(signature=bytes(96))),
        ("a signature of zeros", Code.SIGNATURE_INVALID, parts.encoded(signature=bytes(64))),
        (
            "a certificate put into the header afterwards",
            Code.SIGNATURE_INVALID,
            parts.encoded(protected=cbor.encode({**header, 33: [*_CHAIN, b"another"]})),
        ),
        ("another algorithm of the same key", Code.SIGNATURE_INVALID, parts.resigned({**header, 1: -35})),
        ("an object without its tag", Code.MALFORMED, parts.encoded(tag=None)),
        ("the tag of COSE_Mac0", Code.MALFORMED, parts.encoded(tag=17)),
        ("a tag within the tag", Code.MALFORMED, cbor.encode(cbor.Tag(18, cbor.Tag(18, [])))),
        ("an unprotected header", Code.MALFORMED, parts.encoded(unprotected={4: b"kid"})),
        ("a detached payload", Code.MALFORMED, parts.encoded(payload=None)),
        ("a signature that is too short", Code.MALFORMED, parts.encoded(signature=bytes(63))),
        ("another content type", Code.MALFORMED, parts.resigned({**header, 3: Manifest.CONTENT_TYPE})),
        ("no content type", Code.MALFORMED, parts.resigned(without)),
        ("a header of the future", Code.MALFORMED, parts.resigned({**header, 4: b"kid"})),
        ("headers marked critical", Code.MALFORMED, parts.resigned({**header, 2: [33]})),
        ("no algorithm", Code.MALFORMED, parts.resigned({3: Receipt.CONTENT_TYPE})),
        ("an algorithm by name", Code.MALFORMED, parts.resigned({**header, 1: "ES256"})),
        ("an algorithm of the future", Code.UNSUPPORTED_FORMAT, parts.resigned({**header, 1: -999})),
        ("one certificate in an array", Code.MALFORMED, parts.resigned({**header, 33: [b"alone"]})),
        ("five certificates", Code.MALFORMED, parts.resigned({**header, 33: [b"one"] * 5})),
        ("null for a chain", Code.MALFORMED, parts.resigned({**header, 33: None})),
        ("an empty protected header", Code.MALFORMED, parts.encoded(protected=b"")),
        ("a payload above its limit", Code.TOO_LARGE, parts.encoded(payload=bytes(Receipt.LIMIT + 1))),
    )
    for name, code, data in cases:
        _add(folder, name, "receipt", data, key, code)


def _refuse_manifests(folder: Folder) -> None:
    part: list[cbor.Value] = [cbor.encode({1: -7, 33: list(_CHAIN)}), {}, bytes(64)]
    header: dict[int | str, cbor.Value] = {3: Manifest.CONTENT_TYPE}
    cases: tuple[tuple[str, cbor.Value, cbor.Value], ...] = (
        ("no signature", header, []),
        ("nine signatures", header, [part] * 9),
        ("an algorithm for all signatures", {**header, 1: -7}, [part]),
        ("a header that is an array", [3, Manifest.CONTENT_TYPE], [part]),
        ("one signature in place of an array", header, bytes(64)),
        ("a signature of two parts", header, [part[:2]]),
    )
    for name, protected, signatures in cases:
        parts: list[cbor.Value] = [cbor.encode(protected), {}, MANIFEST.to_bytes(), signatures]
        data = cbor.encode(cbor.Tag(cose.SIGN_TAG, parts))
        _add(folder, f"a manifest with {name}", "manifest", data, [], Code.MALFORMED)


def _add(
    folder: Folder, name: str, kind: str, data: bytes, signers: list[PrivateKey], code: Code | None = None
) -> None:
    public = [keys.spki(key).hex() for key in signers]
    if len(data) > 4096:
        file = folder.file(f"{name.replace(' ', '-')}.cbor", data)
        folder.add(name, code, kind=kind, file=file, keys=public)
    else:
        folder.add(name, code, kind=kind, data=data.hex(), keys=public)
