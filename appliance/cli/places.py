"""The directory of a role, which may be left out, and the arguments that follow it."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_SYSTEM: Final = Path("/var/lib/updatebox")


def default_folder(role: str) -> Path:
    """Where a role lives unless somebody says otherwise.

    /var/lib/updatebox/ROLE for root, otherwise below the user's state directory (XDG Base Directory
    Specification): $XDG_STATE_HOME, or ~/.local/state where that is not set or not absolute.
    """
    if os.geteuid() == 0:
        return _SYSTEM / role
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (state if state.is_absolute() else Path.home() / ".local/state") / "updatebox" / role


def places(role: str, *, repeated: bool = False, **following: str) -> Callable[[F], F]:
    """Give a verb the argument `directory`, which may be left out, and one for each of `following`.

    The values of `following` are what help shows. All but the directory reach the verb as text; the last one
    as a tuple of texts where it may be `repeated`: the directory must be named where it is.
    """
    shown = " ".join(["[DIR]", *following.values()]) + (" …" if repeated else "")

    def decorate(function: F) -> F:
        @click.argument("places", nargs=-1, metavar=shown, type=click.Path(readable=False))
        @functools.wraps(function)
        def wrapped(*args: Any, places: tuple[str, ...], **kwargs: Any) -> Any:
            missing = (
                max(0, 1 + len(following) - len(places)) if repeated else 1 + len(following) - len(places)
            )
            if missing not in (0, 1):
                raise click.UsageError(f"{len(places)} arguments were given where {shown} belong")
            folder = default_folder(role) if missing else Path(places[0])
            if missing and following and not folder.is_dir():
                raise click.UsageError(
                    f"{folder}, the directory where none is named, is not there: give {shown}"
                )
            if folder.exists() and not folder.is_dir():
                raise click.UsageError(f"{folder} is no directory: give {shown}")
            given: list[Any] = list(places[1 - missing :])
            if repeated:
                given = [*given[: len(following) - 1], tuple(given[len(following) - 1 :])]
            values = dict(zip(following, given, strict=True))
            return function(*args, directory=folder, **values, **kwargs)

        return wrapped  # type: ignore[return-value]

    return decorate
