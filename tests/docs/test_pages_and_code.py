"""The documentation says what the code does."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from appliance.cli.answer import exit_status
from appliance.cli.main import main
from appliance.trust.time_sources import SOURCES
from media_format.refusal import ADVICE, Code
from tests.docs.markdown import ROOT, rows, text


@pytest.mark.parametrize("code", Code)
def test_every_refusal_stands_in_the_table_with_its_exit_code_and_advice(code: Code) -> None:
    found = [cells for cells in rows("docs/security.md", f"`{code}`") if len(cells) == 4]
    assert [(cells[1], cells[3]) for cells in found] == [(str(exit_status(code)), ADVICE[code])]


def test_the_table_of_refusals_holds_no_others() -> None:
    table = text("docs/security.md").partition("## Refusals")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE)) == set(map(str, Code))


def verbs(command: click.Command, name: str) -> Iterator[str]:
    """The full names of all verbs below a command."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            found = command.get_command(context, word)
            assert found is not None
            yield from verbs(found, f"{name} {word}")
    else:
        yield name


def test_the_page_of_the_command_line_has_every_verb_and_no_other() -> None:
    described = {
        re.match(r"`(updatebox(?: [a-z-]+)*)", cells[0])
        for cells in rows("docs/command-line.md", "`updatebox")
    }
    assert {found[1] for found in described if found} == set(verbs(main, "updatebox"))


def test_every_folder_of_the_top_level_is_described() -> None:
    made_here = {"demo", "dist", "build"}
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and path.name.isidentifier()} - made_here
    described = {cells[0].strip("`").split("/")[0] for cells in rows("docs/architecture.md", "`")}
    assert {name for name in folders if not name.startswith("_")} - described == set()


def test_every_source_of_time_is_described() -> None:
    assert [name for name in SOURCES if not list(rows("docs/security.md", f"`{name}`"))] == []


def test_every_decision_is_listed() -> None:
    records = {path.name for path in (ROOT / "docs/adr").glob("0*.md")}
    assert records == set(re.findall(r"\]\((0[^)]+)\)", text("docs/adr/README.md")))


def test_every_guarantee_names_tests_that_try_to_break_it() -> None:
    promises = re.findall(r"^- \*\*(G\d+)\*\*.*?\n  Tests: (.*)$", text("docs/security.md"), re.MULTILINE)
    assert [name for name, tests in promises if "](../tests/" in tests] == [f"G{n}" for n in range(1, 13)]
