"""A list of entitlements as people keep it: CSV (RFC 4180) with a header line.

Programs for tables divide values by semicolons where people write 1,5; what the header does is followed.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Final

from media_format.errors import Misuse
from media_format.objects import Entitlement
from media_format.objects.manifest import SHORT
from media_format.refusal import Refusal

COLUMNS: Final = ("action", "product", "line", "hardware", "device", "first", "last")
"""`action` is allow or deny, the others select devices and may be empty; `device` is one id."""
_ACTIONS: Final = {"allow": True, "deny": False}


def entitlement(*, allowed: bool, selectors: Mapping[str, str | None]) -> Entitlement:
    """An entitlement that selects devices by COLUMNS. Misuse where it selects none or cannot be meant.

    Space around a value is left out: it cannot be seen in a list.
    """
    stripped = {name: (value or "").strip() for name, value in selectors.items()}
    given = {name: value for name, value in stripped.items() if value}
    device = given.pop("device", None)
    if device is not None:
        if "first" in given or "last" in given:
            raise Misuse("name one device or a range of ids, not both")
        given["first"] = given["last"] = device
    if not given:
        raise Misuse("name a product, a line, hardware, a device or a range of ids")
    try:
        for name, value in given.items():
            SHORT.decode(value, name)
        entry = Entitlement(allowed=allowed, **given)  # type: ignore[arg-type]  # the selectors are all texts
        return Entitlement.from_bytes(entry.to_bytes())
    except Refusal as refusal:
        raise Misuse(refusal.detail) from None


def read_entitlements(name: str, data: bytes) -> tuple[Entitlement, ...]:
    """The entries of a list. Misuse names the file and every line that is wrong."""
    try:
        text = data.decode("utf-8-sig")
        delimiter = ";" if ";" in text.partition("\n")[0] else ","
        rows = csv.DictReader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)
        _check_header(name, rows.fieldnames or ())
        return _entries(name, [(rows.line_num, row) for row in rows])
    except UnicodeDecodeError:
        raise Misuse(f"{name} is not UTF-8 text") from None
    except csv.Error as error:
        raise Misuse(f"{name} is not CSV: {error}") from None


def write_entitlements(entries: Iterable[Entitlement]) -> bytes:
    """A list that `read_entitlements` reads."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="")
    writer.writeheader()
    for entry in entries:
        kind = {"product": entry.product, "line": entry.line, "hardware": entry.hardware}
        one = entry.first is not None and entry.first == entry.last
        ids = {"device": entry.first} if one else {"first": entry.first, "last": entry.last}
        writer.writerow({"action": "allow" if entry.allowed else "deny", **kind, **ids})
    return text.getvalue().encode()


def _check_header(name: str, columns: Iterable[str]) -> None:
    found = list(columns)
    if "action" not in found or set(found) - set(COLUMNS) or len(set(found)) < len(found):
        raise Misuse(f"{name}, line 1: the columns are {', '.join(COLUMNS)}, and 'action' must be there")


def _entries(name: str, rows: list[tuple[int, dict[str, str | None]]]) -> tuple[Entitlement, ...]:
    entries: list[Entitlement] = []
    places: dict[tuple[str | None, ...], int] = {}
    problems = []
    for number, row in rows:
        try:
            entry = _entry(row)
            selectors = (entry.product, entry.line, entry.hardware, entry.first, entry.last)
            if selectors in places:
                raise Misuse(f"selects the same devices as line {places[selectors]}")
        except Misuse as problem:
            problems.append(f"{name}, line {number}: {problem}")
        else:
            places[selectors] = number
            entries.append(entry)
    if problems:
        raise Misuse("\n".join(problems))
    return tuple(entries)


def _entry(row: dict[str, str | None]) -> Entitlement:
    if None in row or any(value is None for value in row.values()):
        raise Misuse("not as many values as the header has")
    given = {name: str(value) for name, value in row.items()}
    action = given.pop("action").strip().lower()
    if action not in _ACTIONS:
        raise Misuse(f"the action is {action!r}, not allow or deny")
    return entitlement(allowed=_ACTIONS[action], selectors=given)
