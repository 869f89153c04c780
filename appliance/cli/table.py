"""Lists for people: lines that fit a terminal of 80 columns, and short digests that can be typed."""

from __future__ import annotations

import textwrap
from typing import Final

WIDTH: Final = 80
SHORT: Final = 16
"""Hexadecimal digits that lists show of a digest or a serial number."""
LEAST: Final = 8
"""Hexadecimal digits at least by which one may be named."""


def folded(line: str, indent: int) -> str:
    """A line; one that is too long goes on in the next ones, behind `indent` spaces.

    Words are never broken, so that a path or an id can be copied.
    """
    return "\n".join(
        textwrap.wrap(
            line, WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
        )
    )


def short(digits: str) -> str:
    """The beginning of a digest or serial number, as lists show it; a verb takes it for the whole."""
    return digits[:SHORT]
