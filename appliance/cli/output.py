"""Files that a person has written somewhere: what is there already is replaced only where that is wanted."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click

from appliance.cli.files import write_file, writing
from media_format.errors import Misuse

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Output:
    """Where to write, and whether a file that is there may be replaced."""

    path: Path
    force: bool

    def check(self) -> None:
        """Misuse where the file cannot be written there, or must not."""
        path = self.path
        if path.is_dir():
            raise Misuse(f"{path} is a directory; name a file")
        if not path.parent.is_dir():
            raise Misuse(f"{path} cannot be written: {os.strerror(errno.ENOENT)}")
        if not os.path.lexists(path):
            return
        if not path.is_file():
            raise Misuse(f"{path} is no regular file; name another one")
        if not self.force:
            raise Misuse(f"{path} is there already; name a new file, or replace it with --force")

    def write(self, data: bytes) -> None:
        """Write the file, whole or not at all: until it is, what was there stays. Misuse as `check`."""
        self.check()
        write_file(self.path, data)

    @contextmanager
    def writing(self) -> Iterator[BinaryIO]:
        """As `write`, for what is too large to be held in memory: a file to write to."""
        self.check()
        with writing(self.path) as file:
            yield file


def writes(
    option: str = "--out", what: str = "The file to write.", *, required: bool = True
) -> Callable[[F], F]:
    """Give a verb an option that names a file, and `--force`; they reach it as `out`, an `Output`.

    Where it cannot be written, that is said before the verb does anything. None where it may be left out.
    """

    def decorate(function: F) -> F:
        @click.option(option, "out", required=required, type=click.Path(path_type=Path), help=what)
        @click.option("--force", is_flag=True, help="Replace the file if it is there.")
        @functools.wraps(function)
        def wrapped(*args: Any, out: Path | None, force: bool, **kwargs: Any) -> Any:
            output = None if out is None else Output(out, force)
            if output is not None:
                output.check()
            return function(*args, out=output, **kwargs)

        return wrapped  # type: ignore[return-value]

    return decorate
