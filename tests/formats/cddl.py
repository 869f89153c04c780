"""docs/format.cddl as a judge, and as a table of fields."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import cbor2
import pycddl

TEXT = (Path(__file__).parents[2] / "docs" / "format.cddl").read_text()
_WRAPPED = re.compile(r"bstr \.cbor ([a-z0-9-]+)")


@functools.cache
def _schema(rule: str) -> pycddl.Schema:
    # pycddl loses its way in arrays with more than one embedded encoding, so these are judged one by one.
    return pycddl.Schema(f"start = {rule}\n" + _WRAPPED.sub("bstr", TEXT))


def allows(rule: str, data: bytes) -> bool:
    """Whether a rule allows an encoding, what is embedded in it left aside."""
    try:
        _schema(rule).validate_cbor(data)
    except pycddl.ValidationError:
        return False
    return True


def allows_file(rule: str, data: bytes) -> bool:
    """Whether the rule of a signed file allows it, with all that is embedded."""
    if not allows(rule, data):
        return False
    return all(allows(inner, part) for inner, part in _embedded(rule, cbor2.loads(data).value))


def _embedded(rule: str, parts: Any) -> list[tuple[str, bytes]]:
    """The embedded encodings of a signed file, or of one signature in it, each with its rule."""
    found = list(zip(_WRAPPED.findall(_body(rule)), (parts[0], parts[2]), strict=False))
    if rule == "manifest-file":
        for signature in parts[3]:
            found += _embedded("manifest-signature", signature)
    return found


def _body(rule: str) -> str:
    """The text of a rule that spans several lines."""
    match = re.search(rf"^{rule} = [^\n]*[{{[(]\n(.*?)^[\])}}]", TEXT, re.MULTILINE | re.DOTALL)
    assert match, f"docs/format.cddl has no rule {rule}"
    return match[1]


def fields(rule: str) -> dict[int, tuple[str, bool]]:
    """A map's fields: key → name (from the comment), and whether it may be absent."""
    found = re.findall(r"^ +(\? )?(\d+): .*; ([a-z0-9_]+)", _body(rule), re.MULTILINE)
    return {int(number): (name, bool(absent)) for absent, number, name in found}


def is_extensible(rule: str) -> bool:
    """Whether a map ends in the two extension maps."""
    return re.search(r"^  extensions\b", _body(rule), re.MULTILINE) is not None


def rule_of(kind: type) -> str:
    """The rule that describes a record: its class's name in lower case with hyphens."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()
