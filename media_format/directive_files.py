"""Directives on a medium: UPDATEBX/TRUST/*.DIR. What is read here is not verified."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from media_format import cose, layout, limits
from media_format.objects import Directive, Role
from media_format.refusal import Code, Refusal
from media_format.volume.seam import Volume

_LOOKED_AT: Final = 1024
"""Directives that are looked at on one medium: it may carry those of a whole fleet."""
_ACTED_ON: Final = 64
"""Directives for one machine that it judges; each costs signatures to verify."""
MAX_FILE: Final = limits.MAX_DIRECTIVE + limits.MAX_SIGN1_OVERHEAD
"""Bytes of one file."""


@dataclass(frozen=True, slots=True)
class DirectiveFile:
    """A directive on a medium, with what it says of itself."""

    path: str
    directive: Directive


def directives_for(volume: Volume, role: Role, target: str, epoch: int) -> tuple[DirectiveFile, ...]:
    """The directives that name a machine, in the order of their sequences; damaged files are passed over."""
    entries = (entry.name for entry in volume.list(layout.TRUST) if not entry.folder)
    names = sorted(name for name in entries if layout.is_object(name, layout.DIRECTIVE_SUFFIX))
    found = (_read(volume, f"{layout.TRUST}/{name}") for name in names[:_LOOKED_AT])
    mine = [
        file
        for file in found
        if file is not None
        and (file.directive.role, file.directive.target, file.directive.epoch) == (role, target, epoch)
    ]
    return tuple(sorted(mine, key=lambda file: file.directive.sequence)[:_ACTED_ON])


def _read(volume: Volume, path: str) -> DirectiveFile | None:
    try:
        signed = cose.read_sign1(volume.read_object(path, MAX_FILE), Directive.CONTENT_TYPE, Directive.LIMIT)
        return DirectiveFile(path, Directive.from_bytes(signed.payload))
    except Refusal as refusal:
        if refusal.code in (Code.MEDIUM_PULLED, Code.MEDIUM_UNREADABLE):
            raise
        return None
