"""Secrets: typed unseen, or read from a descriptor or a file; never from anywhere else."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from appliance.cli.answer import Answer, answering
from appliance.cli.secrets import secret_options
from tests.cli.terminal import terminal
from tests.cli.workshop import PIN, Workshop, run, run_program


@click.command()
@answering
@secret_options("pin", "PIN")
def verb(pin: str) -> Answer:
    """Tell what was read."""
    return Answer({}, f"<{pin}>")


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(verb, [str(argument) for argument in arguments])


def test_a_pin_that_is_typed_is_not_shown(enrolled: Workshop) -> None:
    with terminal("box", "allow", enrolled.box, "--device", "PUMP-1") as person:
        person.expect("PIN:")
        person.type(PIN)
        assert person.end() == 0
    assert "The rule is: allow device PUMP-1." in person.shown
    assert PIN not in person.shown


def test_a_new_pin_is_typed_twice(enrolled: Workshop) -> None:
    with terminal("box", "user", "add", enrolled.box, "ada", "--role", "technician") as person:
        person.expect("PIN:")
        person.type(PIN)
        person.expect("new PIN:")
        person.type("161803")
        person.expect("confirmation:")
        person.type("161804")
        person.expect("do not match")
        for prompt in ("new PIN:", "confirmation:"):
            person.expect(prompt)
            person.type("161803")
        assert person.end() == 0
    assert "161803" not in person.shown


def test_a_prompt_that_is_left_says_that_nothing_was_done(enrolled: Workshop) -> None:
    with terminal("box", "allow", enrolled.box, "--device", "PUMP-1") as person:
        person.expect("PIN:")
        person.interrupt()
        assert person.end() == 1
    assert "interrupted: stopped before the end; run the command again" in person.shown
    assert enrolled.do("box", "rules", enrolled.box)["rules"] == []


def test_without_a_terminal_the_options_are_named(enrolled: Workshop) -> None:
    allow = ("box", "allow", enrolled.box, "--device", "PUMP-1")
    said = run_program(*allow, stdin=subprocess.DEVNULL, start_new_session=True)
    assert said.status == 2
    assert "no terminal to ask for the PIN on; use --pin-file or --pin-fd" in said.err


@pytest.mark.parametrize("content", [b"271828", b"271828\n", b"271828\r\n", b"271828\nsecond line\n"])
def test_the_first_line_of_a_file_is_the_secret(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pin"
    path.write_bytes(content)
    assert _run("--pin-file", path).stdout == "<271828>\n"


def test_spaces_belong_to_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "pin"
    path.write_text(" two words \n")
    assert _run("--pin-file", path).stdout == "< two words >\n"


def test_a_descriptor_may_bring_a_secret_in_pieces() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        for piece in (b"271", b"828\n"):
            ours.send(piece)
        assert _run("--pin-fd", theirs.fileno()).stdout == "<271828>\n"


def test_a_descriptor_and_a_file_at_once_are_refused(tmp_path: Path) -> None:
    said = _run("--pin-fd", 0, "--pin-file", tmp_path / "pin")
    assert (said.exit_code, said.stderr) == (2, "misuse: give the PIN by descriptor or by file, not both\n")


@pytest.mark.parametrize(("content", "problem"), [(b"", "empty"), (b"\n", "empty"), (b"\xff\n", "not UTF-8")])
def test_what_can_be_no_secret_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "pin"
    path.write_bytes(content)
    said = _run("--pin-file", path)
    assert said.exit_code == 2
    assert problem in said.stderr


def test_a_file_that_is_not_there_is_named_with_its_reason(tmp_path: Path) -> None:
    said = _run("--pin-file", tmp_path / "pin")
    assert said.exit_code == 2
    place = tmp_path / "pin"
    assert said.stderr == f"misuse: the PIN cannot be read from {place}: No such file or directory\n"


def test_a_descriptor_that_is_not_open_is_refused() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    os.close(reading)
    said = _run("--pin-fd", reading)
    assert said.exit_code == 2
    assert "Bad file descriptor" in said.stderr


def test_too_many_wrong_pins_lock_the_box_until_a_time_that_it_names(enrolled: Workshop) -> None:
    wrong = enrolled.folder / "wrong"
    wrong.write_text("000000")
    for _ in range(5):
        said = run("box", "allow", enrolled.box, "--device", "PUMP-1", "--pin-file", wrong)
    assert "this PIN is locked now" in said.err
    status = run("box", "status", enrolled.box).out
    assert re.search(
        r"TPM +soft, ready, but somebody's PIN is locked until 20\d\d-\d\d-\d\d \d\d:\d\d UTC$",
        status,
        re.MULTILINE,
    ), status
