"""Answers: one object for programs, a few lines for people, an exit status for scripts."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from appliance.cli.answer import Answer, answering, exit_status, of_many, plain
from media_format.errors import MachineFault, Misuse
from media_format.objects import Outcome
from media_format.refusal import ADVICE, Code, Refusal


class Colour(enum.StrEnum):
    RED = "red"


@dataclasses.dataclass(frozen=True)
class Secretive:
    name: str
    key: bytes = dataclasses.field(repr=False)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"\x01\xff", "01ff"),
        (Outcome.ROLLED_BACK, "rolled-back"),
        (Colour.RED, "red"),
        (Path("/a/b"), "/a/b"),
        ({Colour.RED: (1, b"\0")}, {"red": [1, "00"]}),
        (Secretive("box", b"secret"), {"name": "box"}),
        ([None, True, "x", frozenset({1})], [None, True, "x", [1]]),
    ],
)
def test_values_are_shown_as_json_knows_them(value: Any, expected: Any) -> None:
    assert plain(value) == expected
    json.dumps(plain(value))


@pytest.mark.parametrize("code", Code)
def test_the_exit_status_follows_the_prefix_of_the_code(code: Code) -> None:
    expected = {"medium": 4, "tpm": 5, "pin": 5}.get(code.partition("-")[0], 3)
    assert exit_status(code) == expected


def _verb(act: Callable[[], Answer], *arguments: str) -> Result:
    @click.command()
    @answering
    def verb() -> Answer:
        return act()

    return CliRunner().invoke(verb, list(arguments))


def _raise(error: Exception) -> Callable[[], Answer]:
    def act() -> Answer:
        raise error

    return act


def test_text_goes_to_standard_output_and_nothing_else() -> None:
    said = _verb(lambda: Answer({"a": 1}, "all is well"))
    assert (said.exit_code, said.stdout, said.stderr) == (0, "all is well\n", "")


def test_what_strangers_wrote_moves_no_cursor_and_rings_no_bell() -> None:
    said = _verb(lambda: Answer({}, "first\x1b[2J\x07\x9b1m\u202e\nsecond"))
    assert said.stdout == "first\ufffd[2J\ufffd\ufffd1m\ufffd\nsecond\n"
    said = _verb(_raise(Refusal(Code.ROLLBACK, "old\x1b[8m")))
    assert said.stderr.startswith("rollback: old\ufffd[8m\n")


def test_json_says_what_strangers_wrote_and_moves_no_cursor_either() -> None:
    wrote = "é \x1b[2J\x7f\x85\x9b1m\u202e\u2066\u2028\U000e0041\udcff\n"
    said = _verb(lambda: Answer({"name": wrote}, ""), "--json").stdout
    assert all(letter.isprintable() or letter == "\n" for letter in said)
    assert "é" in said
    assert json.loads(said)["name"] == wrote


def test_json_is_one_object_and_no_text() -> None:
    said = _verb(lambda: Answer({"a": b"\x01"}, "all is well"), "--json")
    assert (said.exit_code, json.loads(said.stdout), said.stderr) == (0, {"ok": True, "a": "01"}, "")


ERRORS = [
    (Refusal(Code.ROLLBACK, "old"), 3, "rollback", f"rollback: old\n{ADVICE[Code.ROLLBACK]}\n"),
    (Misuse("not so"), 2, "misuse", "misuse: not so\n"),
    (MachineFault("broken"), 1, "machine-fault", "machine-fault: broken\n"),
    (OSError(28, "No space left", "/x"), 1, "machine-fault", "machine-fault: /x: No space left\n"),
]


@pytest.mark.parametrize(("error", "status", "code", "text"), ERRORS, ids=lambda value: str(value)[:10])
def test_an_error_is_said_on_standard_error_and_in_json(
    error: Exception, status: int, code: str, text: str
) -> None:
    said = _verb(_raise(error), "--json")
    assert (said.exit_code, said.stderr) == (status, text)
    data = json.loads(said.stdout)
    assert (data["ok"], data["code"]) == (False, code)
    assert _verb(_raise(error)).stdout == ""


OLD, FOREIGN = Refusal(Code.ROLLBACK, "old"), Refusal(Code.CHAIN_INVALID, "foreign")


def test_many_things_of_which_one_was_accepted_are_done() -> None:
    answer = of_many({"n": 2}, ["good", "rollback: old"], [OLD], accepted=True)
    assert (answer.status, answer.data) == (0, {"n": 2})
    assert answer.text == f"good\nrollback: old\n{OLD.advice}"


def test_many_things_of_which_none_was_accepted_are_refused_by_the_first() -> None:
    answer = of_many({"n": 3}, ["chain-invalid: a", "rollback: b"], [FOREIGN, OLD, OLD], accepted=False)
    assert (answer.status, answer.data["code"], answer.data["n"]) == (3, "chain-invalid", 3)
    assert answer.text.count(OLD.advice) == 1


def test_nothing_at_all_is_no_refusal() -> None:
    assert of_many({}, ["nothing there"], [], accepted=False).status == 0
