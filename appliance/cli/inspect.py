"""updatebox inspect: explains any object, package or medium."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import click

from appliance.cli.answer import Answer, answering
from appliance.cli.explain import Explanation, explain, told
from appliance.cli.files import read_file
from media_format import layout, limits
from media_format.errors import Misuse
from media_format.package import PackageReader, list_packages
from media_format.receipt_file import MAX_FILE
from media_format.refusal import Code, Refusal
from media_format.volume import open_volume
from media_format.volume.seam import Volume

_LIMIT: Final = limits.MAX_MANIFEST + limits.MAX_SIGN_OVERHEAD
_LOOKED_AT: Final = 1024
"""More files than this in one folder are not explained."""
_SUFFIXES: Final = (
    layout.REQUEST_SUFFIX,
    layout.RECEIPT_SUFFIX,
    layout.CRL_SUFFIX,
    layout.DIRECTIVE_SUFFIX,
)


@click.command()
@click.argument("path", metavar="PATH", type=click.Path(path_type=Path))
@answering
def inspect(path: Path) -> Answer:
    """Explain an object, a package or a medium: who signed, for whom, valid when, what is inside.

    PATH is any file of the project, the folder of a package, a FAT image, a block device, or a directory
    where a medium is mounted. Signatures are checked against the keys that came along; whether those are
    the vendor's is for the machine with the trust anchor to judge. The JSON object holds every field.
    """
    if not path.exists():
        raise Misuse(f"{path}: there is no such file or directory")
    found = _object(path) if path.is_file() else None
    explained = [found] if found is not None else list(_medium(path))
    if not explained:
        raise Refusal(Code.MALFORMED, f"{path} holds nothing of this project")
    return Answer({"found": explained}, "\n\n".join(map(told, explained)))


def _object(path: Path) -> Explanation | None:
    return explain(read_file(path, MAX_FILE)) if path.stat().st_size <= MAX_FILE else None


def _medium(path: Path) -> Iterator[Explanation]:
    try:
        volume = open_volume(path, writable=False)
    except Refusal as refusal:
        if path.is_file() and refusal.code is Code.MEDIUM_UNREADABLE:
            raise Refusal(
                Code.MALFORMED, f"{path} is neither an object of this project nor a FAT image"
            ) from None
        raise
    try:
        if any(entry.name.upper() == layout.ENVELOPE for entry in volume.list("")):
            yield from _package(PackageReader(volume, ""))
        for folder in list_packages(volume):
            yield from _package(PackageReader(volume, folder))
        for folder in (layout.REQUESTS, layout.RECEIPTS, layout.TRUST):
            yield from _objects(volume, folder)
    finally:
        volume.close()


def _package(reader: PackageReader) -> Iterator[Explanation]:
    for part, read in ((layout.ENVELOPE, reader.envelope), (layout.MANIFEST, reader.manifest)):
        yield {"file": layout.inside(reader.folder, part), **_guarded(read)}


def _objects(volume: Volume, folder: str) -> Iterator[Explanation]:
    names = [entry.name for entry in volume.list(folder) if not entry.folder]
    ours = [name for name in names if any(layout.is_object(name, suffix) for suffix in _SUFFIXES)]
    for name in sorted(ours)[:_LOOKED_AT]:
        path = f"{folder}/{name}"
        yield {"file": path, **_guarded(functools.partial(volume.read_object, path, _LIMIT))}


def _guarded(read: Callable[[], bytes]) -> Explanation:
    """What a file is, or why it cannot be said. Refusal(medium-*) where the medium stops answering."""
    try:
        return explain(read()) or {"kind": "unknown"}
    except Refusal as refusal:
        if refusal.code is Code.MEDIUM_PULLED:
            raise
        return {"kind": "damaged", "code": refusal.code, "detail": refusal.detail}
