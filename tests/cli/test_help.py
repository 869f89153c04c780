"""`-h` everywhere says what a verb and each of its options is for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from appliance.cli.main import main
from tests.cli.workshop import run, run_program


def _commands(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for word in command.list_commands(context):
            found = command.get_command(context, word)
            assert found is not None
            yield from _commands(found, (*words, word))


def _found(words: tuple[str, ...]) -> click.Command:
    command: click.Command = main
    for word in words:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None
        command = found
    return command


COMMANDS = [" ".join(words) for words in _commands(main, ())]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words or "updatebox")
def test_every_command_explains_itself(words: str) -> None:
    said = run(*words.split(), "-h")
    assert (said.status, said.err) == (0, "")
    assert "Usage:" in said.out
    assert _found(tuple(words.split())).help


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words or "updatebox")
def test_every_option_says_what_it_is_for(words: str) -> None:
    options = [one for one in _found(tuple(words.split())).params if isinstance(one, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words or "updatebox")
def test_every_verb_takes_json(words: str) -> None:
    command = _found(tuple(words.split()))
    assert isinstance(command, click.Group) or "as_json" in {option.name for option in command.params}


def test_no_option_takes_a_secret_itself() -> None:
    options = [option for words in COMMANDS for option in _found(tuple(words.split())).params]
    secret = [one for one in options if one.name and one.name.endswith(("pin", "passphrase"))]
    assert secret == []


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    said = " ".join(run("-h").out.split())
    for name in main.list_commands(click.Context(main)):
        summary = " ".join((_found((name,)).help or "").partition("\n\n")[0].split())
        assert f"{name} {summary}" in said


LOADED = """
import sys
from appliance.cli.main import main
main(["-h"], standalone_mode=False)
sys.exit(", ".join({"sqlalchemy", "textual", "cryptography"} & set(sys.modules)) or None)
"""


def test_the_list_of_commands_loads_none_of_them() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_shell_gets_its_completion_script() -> None:
    said = run_program(env={"_UPDATEBOX_COMPLETE": "bash_source", "PATH": "/usr/bin:/bin"})
    assert said.status == 0
    assert "complete" in said.out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("updatebox dev", "plain,device"),
        ("updatebox device ap", "plain,apply"),
        ("updatebox box admit ", "file,"),
    ],
)
def test_the_shell_completes_verbs_and_paths(line: str, expected: str) -> None:
    words = line.split(" ")
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1), "PATH": "/usr/bin:/bin"}
    said = run_program(env={"_UPDATEBOX_COMPLETE": "bash_complete", **asked})
    assert said.out.splitlines() == [expected]
