"""Sizes and moments as people write them on the command line."""

from __future__ import annotations

import click
import pytest

from appliance.cli.quantities import Moment, Size, amount, counted


@pytest.mark.parametrize(
    ("text", "size"),
    [("1", 1), ("65536", 65536), ("64KiB", 65536), ("64 kib", 65536), ("3MiB", 3 << 20), ("1GiB", 1 << 30)],
)
def test_a_size_may_have_a_unit(text: str, size: int) -> None:
    assert Size().convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "-1", "1.5MiB", "64kB", "KiB", "1 TiB", "٣", "9" * 30])
def test_what_is_no_size_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(click.BadParameter, match="64KiB"):
        Size().convert(text, None, None)


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 receipts"), (1, "1 receipt"), (2, "2 receipts"), (12345, "12,345 receipts")]
)
def test_one_thing_is_not_counted_as_several(count: int, words: str) -> None:
    assert counted(count, "receipt") == words


@pytest.mark.parametrize("text", ["4095", "9KiB"])
def test_a_size_keeps_its_bounds(text: str) -> None:
    with pytest.raises(click.BadParameter, match="not between 4096 and 8192"):
        Size(4096, 8192).convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1800000000", 1_800_000_000),
        ("2027-01-15", 1_800_000_000 - 8 * 3600),
        ("2027-01-15T08:00:00", 1_800_000_000),
        ("2027-01-15T09:00:00+01:00", 1_800_000_000),
        ("2027-01-15T08:00:00Z", 1_800_000_000),
    ],
)
def test_a_moment_is_a_date_in_utc_or_seconds(text: str, seconds: int) -> None:
    assert Moment().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "tomorrow", "31.01.2027", "2027-02-30", "-5", "9" * 20, "9" * 5000])
def test_what_is_no_date_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(click.BadParameter, match="2027-01-31"):
        Moment().convert(text, None, None)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (12 * 1024**2, "12.0 MiB"),
        (1024**3, "1.0 GiB"),
        (3 * 1024**4, "3.0 TiB"),
    ],
)
def test_an_amount_is_said_in_the_unit_that_suits_it(size: int, text: str) -> None:
    assert amount(size) == text
