"""Media that claim more than they hold are found out, and the quick check leaves them as they were."""

from __future__ import annotations

import random

import pytest

from appliance.media.capacity import check_fully, check_quickly
from media_format.progress import Progress, silent
from media_format.refusal import Code, Refusal
from tests.media.fakes import Dropping, Failing, Medium, Wrapping

MIB = 1024 * 1024
GIB = 1024 * MIB


def refusal(medium: Medium) -> Refusal:
    with pytest.raises(Refusal) as caught:
        check_quickly(medium, silent)
    return caught.value


@pytest.mark.parametrize("size", [MIB, 64 * MIB, 8 * GIB + 512, 32 * GIB, 512 * GIB])
def test_an_honest_medium_passes(size: int) -> None:
    check_quickly(Medium(size), silent)


@pytest.mark.parametrize("real", [4 * GIB, 8 * GIB, 31 * GIB, 7_654_321_152, 5 * MIB, 40 * MIB + 512])
def test_a_medium_that_wraps_around_is_found_out_with_its_real_size(real: int) -> None:
    found = refusal(Wrapping(32 * GIB, real))
    assert found.code is Code.MEDIUM_FAKE_CAPACITY
    assert "begins anew" in found.detail or "is not there" in found.detail


def test_the_real_size_of_a_medium_that_wraps_around_is_named() -> None:
    assert refusal(Wrapping(64 * GIB, 8_000_000_000)).detail.endswith("begins anew after 8.00 GB")


@pytest.mark.parametrize("cache", [0, 2048])
def test_a_medium_that_drops_writes_is_found_out_even_if_it_remembers_the_last_ones(cache: int) -> None:
    assert refusal(Dropping(32 * GIB, 7 * GIB, cache)).code is Code.MEDIUM_FAKE_CAPACITY


def test_a_medium_whose_rest_answers_with_errors_is_found_out() -> None:
    assert refusal(Failing(32 * GIB, 7 * GIB)).code is Code.MEDIUM_FAKE_CAPACITY


def test_a_medium_that_was_pulled_is_not_called_a_fake() -> None:
    assert refusal(Failing(32 * GIB, 0)).code is Code.MEDIUM_PULLED


@pytest.mark.parametrize(
    "medium",
    [Medium(16 * MIB), Wrapping(16 * MIB, 6 * MIB), Dropping(16 * MIB, 6 * MIB)],
    ids=lambda medium: type(medium).__name__,
)
def test_the_quick_check_leaves_the_content_as_it_was(medium: Medium) -> None:
    medium.write(0, random.Random(1).randbytes(16 * MIB))
    before = medium.read(0, 16 * MIB)
    try:
        check_quickly(medium, silent)
    except Refusal as found:
        assert found.code is Code.MEDIUM_FAKE_CAPACITY
    assert medium.read(0, 16 * MIB) == before


def test_the_full_check_passes_an_honest_medium_and_says_how_far_it_is() -> None:
    seen: list[Progress] = []
    check_fully(Medium(10 * MIB + 512), seen.append)
    assert seen[-1].done == seen[-1].total


@pytest.mark.parametrize("medium", [Wrapping(64 * MIB, 63 * MIB), Dropping(64 * MIB, 63 * MIB)])
def test_the_full_check_finds_the_smallest_lie(medium: Medium) -> None:
    with pytest.raises(Refusal) as caught:
        check_fully(medium, silent)
    assert caught.value.code is Code.MEDIUM_FAKE_CAPACITY
