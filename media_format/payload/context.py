"""What binds a payload and a wrapped key to their place: used nowhere else, they open nothing."""

from __future__ import annotations

from media_format import cbor, limits


def payload_context(package_id: bytes, manifest_digest: bytes) -> bytes:
    """The context of a package's payload (C2SP chunked-encryption)."""
    return cbor.encode(["updatebox payload", limits.FORMAT_VERSION, package_id, manifest_digest])


def recipient_info(
    package_id: bytes,
    manifest_digest: bytes,
    key_id: bytes,
    device_id: str | None,
    epoch: int | None,
    nonce: bytes | None,
) -> bytes:
    """The HPKE info (RFC 9180, 5.1) of a content key wrapped for one recipient."""
    binding: list[cbor.Value] = [package_id, manifest_digest, key_id, device_id, epoch, nonce]
    return cbor.encode(["updatebox recipient", limits.FORMAT_VERSION, *binding])
