"""Requests: the device says on the medium who it is, what it runs and what it can read."""

from __future__ import annotations

from typing import Final

from media_format import cose, layout, limits
from media_format.object_file import write_object
from media_format.objects import Request
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume

_LOOKED_AT: Final = 1024
"""More requests than this on one medium are not searched for superseded ones."""
_MAX_SIGNED: Final = limits.MAX_REQUEST + limits.MAX_SIGN1_OVERHEAD


def write_request(volume: Volume, request: Request, signer: cose.Signer) -> str:
    """Sign and write a request, then delete this device's older ones; returns the path. Refusal(medium-*)."""
    data = cose.sign1(Request.CONTENT_TYPE, request.to_bytes(), signer)
    path = f"{layout.REQUESTS}/{layout.stem(data)}{layout.REQUEST_SUFFIX}"
    write_object(volume, path, data)
    for old in _own_requests(volume, request.device_id, signer.chain[0]):
        if old.upper() != path:  # a mounted FAT may show its names in lower case
            volume.delete(old)
    return path


def _own_requests(volume: Volume, device_id: str, identity: bytes) -> list[str]:
    """The requests on a medium under this device's own certificate and id."""
    names = (entry.name for entry in volume.list(layout.REQUESTS) if not entry.folder)
    paths = [f"{layout.REQUESTS}/{name}" for name in names if layout.is_object(name, layout.REQUEST_SUFFIX)]
    return [path for path in paths[:_LOOKED_AT] if _is_own(volume, path, device_id, identity)]


def _is_own(volume: Volume, path: str, device_id: str, identity: bytes) -> bool:
    try:
        signed = cose.read_sign1(volume.read_object(path, _MAX_SIGNED), Request.CONTENT_TYPE, Request.LIMIT)
        request = Request.from_bytes(signed.payload)
    except Refusal as refusal:
        if refusal.code in (Code.MEDIUM_PULLED, Code.MEDIUM_UNREADABLE):
            raise
        return False
    return request.device_id == device_id and signed.signatures[0].chain[:1] == (identity,)
