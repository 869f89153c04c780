"""What the documentation points to is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.markdown import ROOT, anchors, links, named_paths, pages


def ids(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", pages(), ids=ids)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        target, _, anchor = link.partition("#")
        if target.startswith(("http://", "https://")):
            continue
        found = page if not target else page.parent / target
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page in seen or page.suffix != ".md" or not page.exists():
            continue
        seen.add(page)
        waiting += [page.parent / link.partition("#")[0] for link in links(page) if "://" not in link]
    assert [ids(page) for page in pages() if page.resolve() not in seen] == []


@pytest.mark.parametrize("page", ["docs/architecture.md", "docs/security.md", "docs/operations.md"])
def test_every_place_in_the_code_that_a_page_names_exists(page: str) -> None:
    ours = [name for name in named_paths(page) if (ROOT / name.split("/")[0]).is_dir()]
    assert [name for name in ours if not (ROOT / name).exists()] == []
