"""Secrets on the command line: prompted for, or read from a descriptor or file; never an argument."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from media_format.errors import Misuse

F = TypeVar("F", bound=Callable[..., Any])

_LIMIT: Final = 1024
_LAST_FD: Final = 2**31 - 1


def secret_options(
    name: str, what: str, *, confirm: bool = False, only_with: str | None = None
) -> Callable[[F], F]:
    """Give a verb `--NAME-fd` and `--NAME-file`, and the secret itself as the argument NAME.

    Where neither option is given the person is asked for `what`, twice with `confirm`. With `only_with` the
    secret is needed only where that argument of the verb is given, and empty otherwise.
    """
    key = name.replace("-", "_")

    def decorate(function: F) -> F:
        @click.option(
            f"--{name}-fd",
            type=click.IntRange(0, _LAST_FD),
            help=f"Read the {what} from this open descriptor.",
        )
        @click.option(
            f"--{name}-file",
            type=click.Path(path_type=Path),
            help=f"Read the {what} from the first line of a file.",
        )
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            fd, file = kwargs.pop(f"{key}_fd"), kwargs.pop(f"{key}_file")
            if only_with is not None and kwargs[only_with] is None:
                return function(*args, **kwargs, **{key: ""})
            if fd is None and file is None and not _has_terminal():
                raise Misuse(
                    f"there is no terminal to ask for the {what} on; use --{name}-file or --{name}-fd"
                )
            kwargs[key] = _read(what, fd, file, confirm=confirm)
            return function(*args, **kwargs)

        return wrapped  # type: ignore[return-value]

    return decorate


def _read(what: str, fd: int | None, file: Path | None, *, confirm: bool) -> str:
    if fd is not None and file is not None:
        raise Misuse(f"give the {what} by descriptor or by file, not both")
    try:
        if fd is not None:
            return _first_line(fd, what)
        if file is not None:
            with file.open("rb") as opened:
                return _first_line(opened.fileno(), what)
    except OSError as error:
        place = f"descriptor {fd}" if fd is not None else file
        raise Misuse(f"the {what} cannot be read from {place}: {error.strerror}") from None
    return str(click.prompt(what, hide_input=True, confirmation_prompt=confirm, err=True))


def _has_terminal() -> bool:
    """Whether somebody can be asked: as getpass does, on the controlling terminal or on standard input."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return sys.stdin is not None and sys.stdin.isatty()
    return True


def _first_line(fd: int, what: str) -> str:
    """The first line behind a descriptor; a pipe may bring it in pieces."""
    data = b""
    while b"\n" not in data and len(data) < _LIMIT and (part := os.read(fd, _LIMIT)):
        data += part
    try:
        secret = data.split(b"\n", 1)[0].rstrip(b"\r").decode()
    except UnicodeDecodeError:
        raise Misuse(f"the {what} is not UTF-8 text") from None
    if not secret:
        raise Misuse(f"the {what} is empty")
    return secret
