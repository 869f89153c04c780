"""Vectors of wrapped content keys, with the private keys that open them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from media_format.objects import Acknowledgement, Answer, DeviceBinding, Recipient, Wrap
from media_format.payload.context import recipient_info
from media_format.payload.recipients import wrap
from media_format.refusal import Code
from media_format.sealing import seal_recipient
from tests.formats.vector_makers import keys
from tests.formats.vector_makers.files import Folder

_CONTENT_KEY = keys.drawn("content key")
_PACKAGE = keys.drawn("package", 16)
_MANIFEST = keys.drawn("manifest")
_ASKED = DeviceBinding(id="pump-17", epoch=1, answers=Answer(nonce=keys.drawn("nonce"), counter=7))
_UNASKED = DeviceBinding(id="pump-17", epoch=1)
_ONE = keys.recipient_key("device")
_BOTH = keys.recipient_key("device", x=True)


def _seal(nested: bool, device: DeviceBinding | None, key: bytes = _CONTENT_KEY) -> Recipient:
    return seal_recipient(key, _PACKAGE, _MANIFEST, _BOTH if nested else _ONE, device)


def _add(
    folder: Folder, name: str, made: Recipient, nested: bool, code: Code | None = None, **changes: Any
) -> None:
    encapsulation, agreement = keys.xwing("device")
    fields = {"package_id": _PACKAGE.hex(), "manifest_digest": _MANIFEST.hex(), **changes}
    private = {"p256": keys.pkcs8(keys.p256("device"))}
    if nested:
        private |= {"ml_kem_768": keys.pkcs8(encapsulation), "x25519": keys.pkcs8(agreement)}
    folder.add(
        name,
        code,
        recipient=made.to_bytes().hex(),
        **fields,
        private=private,
        info=_info(made, nested, fields),
        content_key=None if code else _CONTENT_KEY.hex(),
    )


def _info(made: Recipient, nested: bool, fields: dict[str, Any]) -> str:
    key_id = (_BOTH if nested else _ONE).key_id
    device = made.device
    nonce = device.answers.nonce if device and device.answers else None
    package, manifest = (bytes.fromhex(fields[name]) for name in ("package_id", "manifest_digest"))
    name, epoch = (device.id, device.epoch) if device else (None, None)
    return recipient_info(package, manifest, key_id, name, epoch, nonce).hex()


def _changed_layer(made: Recipient, layer: int, encapsulation: bytes) -> Recipient:
    wraps = list(made.wraps)
    wraps[layer] = Wrap(kem=wraps[layer].kem, encapsulation=encapsulation)
    return dataclasses.replace(made, wraps=tuple(wraps))


def _flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def make(root: Path) -> None:
    folder = Folder(root, "recipients")
    for nested, key in ((False, "P-256"), (True, "P-256 around X-Wing")):
        _add(folder, f"a release for a box, {key}", _seal(nested, None), nested)
        _add(folder, f"a delivery that answers a request, {key}", _seal(nested, _ASKED), nested)
        _add(folder, f"a delivery that answers none, {key}", _seal(nested, _UNASKED), nested)
        _refuse(folder, key, nested)
    weak = dataclasses.replace(_seal(False, _ASKED), key_id=_BOTH.key_id)
    _add(folder, "a wrap without its post-quantum layer", weak, True, Code.DECRYPTION_FAILED)
    turned = _seal(True, _ASKED)
    turned = dataclasses.replace(turned, wraps=turned.wraps[::-1])
    _add(folder, "layers in the wrong order", turned, True, Code.DECRYPTION_FAILED)
    inner = _seal(True, _ASKED)
    changed = _changed_layer(inner, 1, _flipped(inner.wraps[1].encapsulation))
    _add(folder, "a changed post-quantum layer", changed, True, Code.DECRYPTION_FAILED)
    folder.write()


def _refuse(folder: Folder, key: str, nested: bool) -> None:
    good, closed = _seal(nested, _ASKED), Code.DECRYPTION_FAILED
    acknowledged = dataclasses.replace(_ASKED, acknowledges=Acknowledgement(counter=1, digest=bytes(32)))
    other = {
        "for another id": dataclasses.replace(_ASKED, id="pump-18"),
        "of another epoch": dataclasses.replace(_ASKED, epoch=2),
        "that answers another nonce": dataclasses.replace(
            _ASKED, answers=Answer(nonce=keys.drawn("another"), counter=7)
        ),
        "that answers nothing any more": _UNASKED,
    }
    _add(
        folder,
        f"an acknowledgement is not bound, {key}",
        dataclasses.replace(good, device=acknowledged),
        nested,
    )
    for name, device in other.items():
        _add(folder, f"a wrap {name}, {key}", dataclasses.replace(good, device=device), nested, closed)
    another = keys.drawn("another").hex()
    _add(folder, f"a wrap of another package, {key}", good, nested, closed, package_id=another[:32])
    _add(folder, f"a wrap of another release, {key}", good, nested, closed, manifest_digest=another)
    flipped = dataclasses.replace(good, wrapped_key=_flipped(good.wrapped_key))
    _add(folder, f"a changed wrapped key, {key}", flipped, nested, closed)
    off = _changed_layer(good, 0, b"\x04" + bytes(64))
    _add(folder, f"a point that is not on the curve, {key}", off, nested, closed)
    hybrid = _changed_layer(good, 0, b"\x06" + good.wraps[0].encapsulation[1:])
    _add(folder, f"a point in another form, {key}", hybrid, nested, closed)
    _add(folder, f"a content key of 16 bytes, {key}", _seal(nested, _ASKED, bytes(16)), nested, closed)
    stranger = wrap(_CONTENT_KEY, _BOTH if nested else _ONE, b"no such info")
    foreign = dataclasses.replace(good, wraps=stranger.wraps, wrapped_key=stranger.wrapped_key)
    _add(folder, f"a wrap with another info, {key}", foreign, nested, closed)
