"""No refusal code without a test on the command line that provokes it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from media_format.refusal import ADVICE, Code
from tests.cli import refusals

_PROVOKING = ("says", "device_refuses", "device_refuses_and_reports", "box_refuses")


def _provoked() -> Iterator[str]:
    """The names of the codes that calls of `tests.cli.refusals` in this folder expect."""
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            if node.func.id in _PROVOKING and isinstance(node.args[1], ast.Attribute):
                kind = node.args[1].value
                if isinstance(kind, ast.Name) and kind.id == Code.__name__:
                    yield node.args[1].attr


def test_every_code_is_provoked_by_a_test() -> None:
    assert {code.name for code in Code} == set(_provoked())


def test_the_functions_that_provoke_codes_are_the_ones_counted_here() -> None:
    assert all(callable(getattr(refusals, name)) for name in _PROVOKING)


def test_every_code_tells_a_person_what_to_do() -> None:
    assert {code for code in Code if ADVICE[code].endswith(".") and len(ADVICE[code]) > 20} == set(Code)
