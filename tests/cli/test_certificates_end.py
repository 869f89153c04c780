"""What `box status` says of certificates that end soon, and of those that have ended."""

from __future__ import annotations

import pytest

from tests.cli.wall_clock import wall_clock
from tests.cli.workshop import Workshop, run


@pytest.mark.parametrize(
    ("days", "word", "what"),
    [(650, "WARNING", "within 90 days"), (710, "WARNING", "within 30 days"), (740, "EXPIRED", "renewed one")],
)
def test_status_says_how_near_the_end_of_a_certificate_is(
    enrolled: Workshop, days: int, word: str, what: str
) -> None:
    with wall_clock(days=days):
        lines = run("box", "status", enrolled.box).out.splitlines()
    told = [line for line in lines if line.startswith(("WARNING", "EXPIRED"))]
    assert told
    assert all(line.startswith(word) and what in line for line in told)


def test_status_warns_of_no_certificate_that_has_long_to_go(enrolled: Workshop) -> None:
    assert not {"WARNING", "EXPIRED"} & set(run("box", "status", enrolled.box).out.split())
