"""Reading the documentation: its pages, the commands in them, their tables, links and headings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")


def pages() -> list[Path]:
    """Every page that a reader is pointed to."""
    return sorted(
        [ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("images/*.md"), *ROOT.glob("docs/**/*.md")]
    )


def text(page: str) -> str:
    """A page's text."""
    return (ROOT / page).read_text()


def blocks(page: str, *languages: str) -> list[str]:
    """The fenced blocks that are marked with one of the languages, in their order."""
    return [body for language, body in _FENCE.findall(text(page)) if language in languages]


def rows(page: str, first: str) -> Iterator[list[str]]:
    """The cells of the tables' rows whose first cell begins with `first`."""
    for line in text(page).splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)][1:-1]
        if cells and cells[0].startswith(first):
            yield cells


def links(page: Path) -> list[str]:
    """The targets of a page's links, those in fenced blocks left out."""
    return _LINK.findall(_FENCE.sub("", page.read_text()))


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def named_paths(page: str) -> list[str]:
    """Paths of the project that a page names in code style."""
    return [name for name in _CODE.findall(text(page)) if re.fullmatch(r"[a-z_]+(/[\w.-]+)*/[\w.-]*", name)]
