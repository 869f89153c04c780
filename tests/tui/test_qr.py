"""The code on the last screen: a scanner must find what segno made of the text, and room around it."""

from __future__ import annotations

import segno

from tui.qr import qr_code

PACKAGE_ID = "00112233445566778899AABBCCDDEEFF"
QUIET = 4


def modules(picture: str) -> list[list[bool]]:
    """The dark modules of a picture: each character is two modules, one above the other."""
    dark = {"█": (False, False), "▀": (False, True), "▄": (True, False), " ": (True, True)}
    rows: list[list[bool]] = []
    for line in picture.splitlines():
        pairs = [dark[letter] for letter in line]
        rows += [[upper for upper, _ in pairs], [lower for _, lower in pairs]]
    return rows


def test_the_picture_holds_the_code_of_the_text() -> None:
    code = [[bool(module) for module in row] for row in segno.make(PACKAGE_ID, error="l", micro=False).matrix]
    seen = [row[QUIET:-QUIET] for row in modules(qr_code(PACKAGE_ID.lower()))[QUIET : QUIET + len(code)]]
    assert len(code) == 25
    assert seen == code


def test_four_light_modules_stand_around_the_code_on_every_side() -> None:
    rows = modules(qr_code(PACKAGE_ID))
    columns = [list(column) for column in zip(*rows, strict=True)]
    for lines in (rows, rows[::-1], columns, columns[::-1]):
        assert not any(any(line) for line in lines[:QUIET])


def test_a_package_id_fits_beside_the_words_at_eighty_columns_and_twenty_four_lines() -> None:
    lines = qr_code(PACKAGE_ID).splitlines()
    assert len(lines) <= 24 - 1 - 3 - 3, "title, heading and actions stand around it"
    assert len(lines[0]) <= 40
