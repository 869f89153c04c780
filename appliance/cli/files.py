"""The files that a person names: read and written with errors that name them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from appliance.trust.bundle import ANCHOR_LABEL, MAX_BUNDLE, Bundle
from appliance.trust.profile import read_certificate, usage
from appliance.trust.purpose import Purpose
from media_format.durable import placing
from media_format.errors import Misuse
from media_format.objects import Role
from media_format.refusal import Refusal

_OWN = {
    Role.BOX: (Purpose.BOX_IDENTITY, Purpose.BOX_TRANSPORT),
    Role.DEVICE: (Purpose.DEVICE_IDENTITY, Purpose.DEVICE_ENCRYPTION),
}


def read_file(path: Path, limit: int) -> bytes:
    """A whole file of at most `limit` bytes; Misuse that names it otherwise."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise Misuse(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > limit:
        raise Misuse(f"{path} is larger than such a file ever is ({limit} bytes)")
    return data


def write_file(path: Path, data: bytes) -> None:
    """Write a file as `writing` does."""
    with writing(path) as file:
        file.write(data)


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A file that everybody may read, to write to: it is there whole, or not at all.

    Misuse that names it if it cannot be written.
    """
    if path.is_dir():
        raise Misuse(f"{path} is a directory; name a file")
    try:
        with placing(path, 0o644) as file:
            yield file
    except OSError as error:
        raise Misuse(f"{path} cannot be written: {error.strerror}") from None


@contextmanager
def reading(path: Path) -> Iterator[BinaryIO]:
    """A file of any size; Misuse that names it if it cannot be read."""
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise Misuse(f"{path} cannot be read: {error.strerror}") from None


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Say in a refusal which file it is about."""
    try:
        yield
    except Refusal as refusal:
        raise refusal.about(path) from None


def read_bundle(path: Path, role: Role) -> Bundle:
    """The certificates that the vendor answered a box or a device with, or revocation lists alone.

    Misuse for a file that is something else, or somebody else's; Refusal(malformed) for a damaged one.
    """
    data = read_file(path, MAX_BUNDLE)
    if ANCHOR_LABEL.encode() not in data:
        raise Misuse(
            f"{path} is not what the vendor answers with (updatebox vendor enrol {role} … --out FILE)"
        )
    with naming(path):
        bundle = Bundle.from_pem(data)
        used = {oid for der in bundle.certificates for oid in usage(read_certificate(der))}
    for other, purposes in _OWN.items():
        if other is not role and any(purpose.oid in used for purpose in purposes):
            raise Misuse(f"{path} holds the certificates of a {other}, not of a {role}")
    return bundle
