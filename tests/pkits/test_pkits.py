"""NIST's PKITS: nothing it calls invalid is accepted, and what we refuse beyond it has a reason.

`pkits.tsv` keeps for every test NIST's verdict, ours, and the reason where they differ or the test is
left out.
"""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import pytest

from media_format.refusal import Refusal
from tests.pkits.suite import FOLDER, cases, judge

with (Path(__file__).parent / "pkits.tsv").open(newline="") as table:
    ROWS = list(csv.DictReader(table, delimiter="\t"))
RUN = [row for row in ROWS if row["ours"] != "skipped"]
DEPENDS = "depends"


def verdict(test: str) -> str:
    """What the product says."""
    with warnings.catch_warnings(action="ignore"):
        try:
            judge(cases()[test])
        except Refusal as refusal:
            return str(refusal.code)
        return "accepted"


@pytest.mark.parametrize("row", RUN, ids=[f"{row['number']}-{row['test']}" for row in RUN])
def test_the_verdict_is_the_one_that_is_kept(row: dict[str, str]) -> None:
    assert verdict(row["test"]) == row["ours"]


def test_every_test_of_the_suite_is_in_the_table() -> None:
    suite = {path.stem.removeprefix("Signed") for path in (FOLDER / "smime").glob("*.eml")}
    assert {row["test"] for row in ROWS} == suite
    assert len({row["number"] for row in ROWS}) == len(ROWS) == 224


def test_every_difference_from_the_suites_verdict_has_a_reason() -> None:
    for row in ROWS:
        agrees = (row["ours"] == "accepted") == (row["verdict"] == "valid")
        assert bool(row["reason"]) == (row["ours"] == "skipped" or not agrees), row


def test_what_is_accepted_beyond_the_suite_is_no_more_than_this() -> None:
    accepted = [row["number"] for row in RUN if row["verdict"] == "invalid" and row["ours"] == "accepted"]
    assert accepted == ["4.4.11", "4.15.4", "4.15.10"]


def test_only_what_depends_on_policies_or_cannot_be_read_is_left_out() -> None:
    left_out = [row for row in ROWS if row["ours"] == "skipped"]
    assert all(row["verdict"] == DEPENDS or row["test"] not in cases() for row in left_out)
