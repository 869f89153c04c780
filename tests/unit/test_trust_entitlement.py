"""Entitlement: of what fits a device the most specific decides, among equals a denial."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.trust.entitlement import deciding, in_range
from media_format.objects import DeviceKind, Entitlement

PUMP = DeviceKind(product="pump", line="stable", hardware="rev-b")


def allowed(*entries: Entitlement, device: str = "pump-17") -> bool:
    found = deciding(entries, device, PUMP)
    return found is not None and found.allowed


def yes(**selectors: Any) -> Entitlement:
    return Entitlement(allowed=True, **selectors)


def no(**selectors: Any) -> Entitlement:
    return Entitlement(allowed=False, **selectors)


def test_what_no_entry_fits_is_not_entitled() -> None:
    assert not allowed(yes(product="valve"), yes(product="pump", line="beta"), yes(first="a", last="z"))


def test_an_entry_fits_only_where_all_that_it_names_fits() -> None:
    assert allowed(yes(product="pump", line="stable", hardware="rev-b", first="pump-10", last="pump-20"))
    for selectors in (
        {"product": "valve"},
        {"line": "beta"},
        {"hardware": "rev-a"},
        {"first": "pump-18", "last": "pump-20"},
    ):
        fitting = {
            "product": "pump",
            "line": "stable",
            "hardware": "rev-b",
            "first": "pump-10",
            "last": "pump-20",
        }
        assert not allowed(yes(**{**fitting, **selectors}))


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ({"first": "pump-17", "last": "pump-17"}, {"first": "pump-10", "last": "pump-20"}),
        ({"first": "pump-10", "last": "pump-20"}, {"hardware": "rev-b", "line": "stable", "product": "pump"}),
        ({"hardware": "rev-b"}, {"line": "stable", "product": "pump"}),
        ({"line": "stable"}, {"product": "pump"}),
        ({"product": "pump", "line": "stable"}, {"line": "stable"}),
    ],
)
def test_the_most_specific_decides_in_whatever_order(narrow: dict[str, str], wide: dict[str, str]) -> None:
    assert allowed(yes(**narrow), no(**wide)) and allowed(no(**wide), yes(**narrow))
    assert not allowed(no(**narrow), yes(**wide)) and not allowed(yes(**wide), no(**narrow))


def test_among_equals_a_denial_decides() -> None:
    assert not allowed(yes(product="pump"), no(product="pump"))
    assert not allowed(no(product="pump"), yes(product="pump"))


def test_ranges_compare_bytes_of_ids_of_one_length() -> None:
    assert in_range("A07", "A00", "A99") and in_range("A00", "A00", "A00")
    assert not in_range("A7", "A00", "A99")
    assert not in_range("A070", "A00", "A99")
    assert not in_range("B00", "A00", "A99")
