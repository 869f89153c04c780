"""Sealing: a package's content key, wrapped for one recipient so that it opens nothing anywhere else.

The HPKE info binds the wrapped key to format, package, release, key and, for a device, to its id,
enrolment epoch and the nonce it asked with.
"""

from __future__ import annotations

from typing import Final

from media_format.objects import DeviceBinding, Recipient, Wrap
from media_format.payload.context import recipient_info
from media_format.payload.recipients import OpenLayer, RecipientKey, Wrapped, unwrap, wrap
from media_format.refusal import Code, Refusal

CONTENT_KEY_SIZE: Final = 32
"""Bytes of a Cobblestone-256 key."""


def seal_recipient(
    content_key: bytes,
    package_id: bytes,
    manifest_digest: bytes,
    key: RecipientKey,
    device: DeviceBinding | None,
) -> Recipient:
    """Wrap `content_key` for `key`, nested where it has two halves."""
    wrapped = wrap(content_key, key, _info(package_id, manifest_digest, key.key_id, device))
    return Recipient(
        key_id=key.key_id,
        wraps=tuple(Wrap(kem=layer.kem, encapsulation=layer.encapsulation) for layer in wrapped.wraps),
        wrapped_key=wrapped.wrapped_key,
        device=device,
    )


def open_recipient(
    recipient: Recipient, package_id: bytes, manifest_digest: bytes, key: RecipientKey, open_layer: OpenLayer
) -> bytes:
    """The content key. Refusal(decryption-failed) when it is not for this key, package, release or device."""
    info = _info(package_id, manifest_digest, key.key_id, recipient.device)
    content_key = unwrap(Wrapped(recipient.wraps, recipient.wrapped_key), key.kems, open_layer, info)
    if len(content_key) != CONTENT_KEY_SIZE:
        raise Refusal(Code.DECRYPTION_FAILED, f"the content key has {len(content_key)} bytes")
    return content_key


def _info(package_id: bytes, manifest_digest: bytes, key_id: bytes, device: DeviceBinding | None) -> bytes:
    if device is None:
        return recipient_info(package_id, manifest_digest, key_id, None, None, None)
    nonce = device.answers.nonce if device.answers else None
    return recipient_info(package_id, manifest_digest, key_id, device.id, device.epoch, nonce)
