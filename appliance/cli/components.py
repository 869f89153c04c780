"""Components of a release as people name them: SLOT=IMAGE."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from appliance.vendor import ComponentSource
from media_format.errors import Misuse
from media_format.objects import ComponentKind

F = TypeVar("F", bound=Callable[..., Any])


def takes_components(what: str) -> Callable[[F], F]:
    """Give a verb the option that names images, one each time; they reach it as `components`."""
    return click.option(
        "--component", "components", multiple=True, required=True, metavar="SLOT=IMAGE", help=what
    )


def component(text: str, kind: ComponentKind) -> ComponentSource:
    """An image and its slot. Misuse for what names none, or a file that is not there."""
    slot, equals, path = text.partition("=")
    if not equals or not slot or not path:
        raise Misuse(f"{text!r}: write a component as SLOT=IMAGE")
    if not Path(path).exists():
        raise Misuse(f"{path} cannot be read: there is no such file")
    return ComponentSource(slot=slot, path=Path(path), name=slot, kind=kind)
