"""Lists of entitlements in CSV: what is right comes in, what is wrong is named by line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.cli.entitlements import read_entitlements, write_entitlements
from media_format.errors import Misuse
from media_format.objects import Entitlement

HEADER = "action,product,line,hardware,device,first,last\n"
NAMES = st.none() | st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=9)


def read(text: str) -> tuple[Entitlement, ...]:
    return read_entitlements("list.csv", text.encode())


@st.composite
def entries(draw: st.DrawFn) -> Entitlement:
    """An entitlement as the format allows it."""
    ends = draw(st.none() | st.tuples(*2 * [st.from_regex(r"[A-Z0-9,\"=-]{4}", fullmatch=True)]))
    first, last = sorted(ends) if ends else (None, None)
    product = draw(NAMES) if ends else draw(NAMES) or "pump"
    return Entitlement(
        allowed=draw(st.booleans()),
        product=product,
        line=draw(NAMES),
        hardware=draw(NAMES),
        first=first,
        last=last,
    )


def test_each_line_is_an_entry_and_empty_values_select_nothing() -> None:
    found = read(HEADER + "allow,pump,,,,,\ndeny,,stable,rev-b,,,\nDENY,,,,P-7,,\n\nallow,pump,,,,P-1,P-9\n")
    assert found == (
        Entitlement(allowed=True, product="pump"),
        Entitlement(allowed=False, line="stable", hardware="rev-b"),
        Entitlement(allowed=False, first="P-7", last="P-7"),
        Entitlement(allowed=True, product="pump", first="P-1", last="P-9"),
    )


def test_columns_may_be_left_out_and_stand_in_any_order() -> None:
    assert read("device,action\nP-7,deny\n") == (Entitlement(allowed=False, first="P-7", last="P-7"),)


def test_space_around_a_value_selects_nothing_else() -> None:
    assert read(HEADER + " allow , pump,  ,,,,\n") == (Entitlement(allowed=True, product="pump"),)


def test_what_a_spreadsheet_saves_comes_in() -> None:
    text = "\ufeff" + (HEADER + 'allow,"pump, large",,,,,\n').replace("\n", "\r\n")
    assert read(text) == (Entitlement(allowed=True, product="pump, large"),)


@given(st.lists(entries(), max_size=5, unique_by=lambda e: (e.product, e.line, e.hardware, e.first, e.last)))
def test_what_goes_out_comes_back(rules: list[Entitlement]) -> None:
    assert read_entitlements("list.csv", write_entitlements(rules)) == tuple(rules)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("permit,pump,,,,,", "the action is 'permit', not allow or deny"),
        ("allow,,,,,,", "name a product, a line, hardware, a device or a range of ids"),
        ("allow,,,,P-7,P-1,P-9", "one device or a range of ids, not both"),
        ("allow,,,,,P-1,", "a range has a first and a last id"),
        ("allow,,,,,P-9,P-10", "the ids of a range have one length"),
        ("allow,,,,,P-9,P-1", "the ids of a range have one length and stand in order"),
        ("allow,pump", "not as many values as the header has"),
        ("allow,pump,,,,,,,", "not as many values as the header has"),
        (f"allow,{65 * 'x'},,,,,", "product: must have 1 to 64 bytes"),
        ("deny,good,,,,,", "selects the same devices as line 2"),
    ],
)
def test_a_bad_line_is_named_with_its_number(line: str, problem: str) -> None:
    with pytest.raises(Misuse) as caught:
        read(f"{HEADER}allow,good,,,,,\n{line}\n")
    assert str(caught.value).startswith("list.csv, line 3: ")
    assert problem in str(caught.value)


def test_every_bad_line_is_named() -> None:
    with pytest.raises(Misuse) as caught:
        read(HEADER + "permit,pump,,,,,\nallow,pump,,,,,\nallow,,,,,,\n")
    assert [told.partition(":")[0] for told in str(caught.value).splitlines()] == [
        "list.csv, line 2",
        "list.csv, line 4",
    ]


@pytest.mark.parametrize(
    "text", ["", "allow,pump\n", "product,line\npump,stable\n", "action,serial\n", "action,line,line\n"]
)
def test_a_list_without_its_header_is_refused(text: str) -> None:
    with pytest.raises(Misuse, match=r"list.csv, line 1: the columns are action, product"):
        read(text)


def test_a_list_whose_values_are_divided_by_semicolons_is_the_same_list() -> None:
    assert read("action;product;line\r\nallow;pump;stable\r\n") == read(
        "action,product,line\nallow,pump,stable\n"
    )


@pytest.mark.parametrize(
    ("data", "problem"), [(b"\xff\xfe", "not UTF-8 text"), (b'action\n"allow', "not CSV")]
)
def test_what_is_no_text_or_no_csv_is_told_apart(data: bytes, problem: str) -> None:
    with pytest.raises(Misuse, match=problem):
        read_entitlements("list.csv", data)
