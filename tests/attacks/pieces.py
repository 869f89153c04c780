"""Pieces of packages and of what a device knows that several attacks use."""

from __future__ import annotations

from media_format.objects import ChainHead, DeviceBinding

UNREQUESTED = DeviceBinding(id="pump-17", epoch=1)


def head(index: int, digest: bytes = bytes(32)) -> ChainHead:
    return ChainHead(line="stable", index=index, manifest_digest=digest)
