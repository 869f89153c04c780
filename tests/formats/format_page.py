"""docs/format.md as tables and dumps, for the tests that hold it against the code."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).parents[2] / "docs" / "format.md").read_text()


def section(heading: str) -> str:
    """The text below a heading, up to the next one."""
    match = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert match, f"docs/format.md has no section {heading!r}"
    return match[1]


def rows(text: str) -> list[list[str]]:
    """The rows of all tables in a text, without their heads."""
    found: list[list[str]] = []
    for line in text.splitlines():
        if line.startswith("|---"):
            found.pop()
        elif line.startswith("|"):
            found.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return found


def dump(language: str) -> bytes:
    """The bytes of an annotated dump."""
    match = re.search(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert match, f"docs/format.md has no dump {language!r}"
    return bytes.fromhex("".join(line.partition("#")[0] for line in match[1].splitlines()))
