"""A list of entitlements as people keep it: CSV (RFC 4180) with a header line."""

from __future__ import annotations

import csv
import io
from typing import Final

from media_format.errors import Misuse
from media_format.objects import Entitlement
from media_format.refusal import Refusal

COLUMNS: Final = ("rule", "product", "line", "hardware", "first", "last")
"""`rule` is allow or deny, the others select devices and may be empty."""
_RULES: Final = {"allow": True, "deny": False}


def read_entitlements(name: str, data: bytes) -> tuple[Entitlement, ...]:
    """The entries of a list; Misuse names the file and the line that is wrong."""
    try:
        rows = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        unknown = set(rows.fieldnames or ()) - set(COLUMNS)
        if "rule" not in (rows.fieldnames or ()) or unknown:
            raise Misuse(f"{name}, line 1: the columns are {', '.join(COLUMNS)}, and 'rule' must be there")
        found = tuple(_entry(row, f"{name}, line {rows.line_num}") for row in rows)
    except UnicodeDecodeError:
        raise Misuse(f"{name} is not UTF-8 text") from None
    except csv.Error as error:
        raise Misuse(f"{name} is not CSV: {error}") from None
    if not found:
        raise Misuse(f"{name} holds no entry")
    return found


def _entry(row: dict[str, str | None], place: str) -> Entitlement:
    if None in row or any(value is None for value in row.values()):
        raise Misuse(f"{place}: not as many values as the header has")
    given = {name: str(value).strip() for name, value in row.items()}
    rule = given.pop("rule").lower()
    if rule not in _RULES:
        raise Misuse(f"{place}: the rule is {rule!r}, not allow or deny")
    try:
        entry = Entitlement.from_bytes(
            Entitlement(allowed=_RULES[rule], **_selectors(given)).to_bytes()  # type: ignore[arg-type]
        )
    except Refusal as refusal:
        raise Misuse(f"{place}: {refusal.detail}") from None
    return entry


def _selectors(given: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if value}
