"""An explanation as text of 80 columns. Long values are cut short: the JSON object has all."""

from __future__ import annotations

import textwrap
from typing import Any, Final

from appliance.cli.explain.spans import clock, span
from appliance.cli.quantities import counted

WIDTH: Final = 80
_MOMENTS: Final = {
    "created",
    "issued_at",
    "expires",
    "install_by",
    "time",
    "time_floor",
    "started",
    "finished",
    "begins",
    "ends",
}
_SIZES: Final = {"capacity", "free_space", "largest_chunk", "payload_length", "segment_size", "size"}
_LISTS: Final = {"acts", "last", "people", "uses", "users"}
_DURATIONS: Final = {"clock_horizon", "crl_max_age", "nonce_uptime"}
_FOR_MACHINES: Final = {
    "crl_numbers",
    "wraps",
    "wrapped_key",
    "key_id",
    "nonce",
    "format",
    "roots",
    "findings",
}
_EMPTY: Final[tuple[object, ...]] = (None, "", [], {})
_NAME: Final = 17
"""Columns for the name of a field."""
_SECTIONS: Final = 100
"""Items of a list that are shown one by one."""
_LONGEST: Final = 300
"""Characters of one value; what is longer is cut."""
_ANSWERS: Final = {True: "ACCEPTED by", False: "REFUSED by", None: "NOT JUDGED by"}


def told(found: dict[str, Any], shown: set[str] | None = None) -> str:
    """What was found: where, what it is, what would become of it and why, who signed it, what is inside.

    `shown` are the certificates that stand above already, by their chains' keys and serials; it grows.
    """
    shown = set() if shown is None else shown
    lines = [*_wrapped(f"{found['kind'].upper()}  {found.get('file', '')}", "", "  ")]
    if "code" in found:
        return "\n".join([*lines, *_wrapped(f"{found['code']}: {found['detail']}", "  ")])
    if found.get("summary"):
        lines += _wrapped(found["summary"], "  ")
    if "digest" in found:
        lines.append(f"  fingerprint {found['digest']}")
    if "answer" in found:
        lines += _answer(found["answer"])
    for note in found.get("notes", ()):
        lines += _wrapped(f"- {_coded(note)}", "  ", "    ")
    for signer in found.get("signers", ()):
        lines += _signer(signer, shown)
    for name in ("roots", "certificates"):
        for held in found.get(name, ()):
            lines += _certificate(held, "  ", "root" if name == "roots" else "certificate")
    lines += _lines(found.get("fields", {}), "    ")
    return "\n".join(lines)


def _answer(answer: dict[str, Any]) -> list[str]:
    said = f"{_ANSWERS[answer['accepted']]} {answer['by']}: "
    lines = _wrapped(said + _coded({"code": answer["code"], "text": answer["detail"]}), "  ", "    ")
    return lines + (_wrapped(answer["advice"], "    ") if answer["advice"] else [])


def _coded(note: dict[str, Any]) -> str:
    return f"{note['code']}: {note['text']}" if note["code"] else str(note["text"])


def _signer(signer: dict[str, Any], shown: set[str]) -> list[str]:
    if "purpose" not in signer:
        return [f"  signed by {_printable(signer['holder'])} ({signer['algorithm']})"]
    state = f"signature {signer['signature']} ({signer['algorithm']})"
    mark = "".join(f"{held['key id']}{held['serial']}" for held in (signer, *signer["chain"]))
    if mark in shown:
        who = _wrapped(f"signed by {signer['holder']} ({signer['purpose']})", "  ", "    ")
        return [*who, f"    {state}; its certificates stand above"]
    shown.add(mark)
    lines = _certificate(signer, "  ", "signed by", state)
    for above in signer["chain"]:
        lines += _certificate(above, "    ", "under")
    return lines


def _certificate(held: dict[str, Any], indent: str, how: str, more: str = "") -> list[str]:
    """Whose it is and what for, by whom, from when until when, and how the vendor's register names it."""
    inner = indent + "  "
    ends = f"until {held['valid until'][:10]}" if held["valid until"] else "for ever"
    dates = f"valid from {held['valid from'][:10]} {ends}"
    if held["valid until"] or held["validity"].startswith("begins"):
        dates += f" ({held['validity']})"
    lines = _wrapped(f"{how} {held['holder']} ({held['purpose']})", indent, inner)
    lines += _wrapped(more, inner) if more else []
    for text in (_bound(held), f"issued by {held['issuer']}", dates, f"serial {held['serial']}"):
        lines += _wrapped(text, inner) if text else []
    return [*lines, f"{inner}key {held['key id']}"]


def _bound(held: dict[str, Any]) -> str:
    """What a leaf is bound to beyond its holder."""
    if "profile" in held:
        return str(held["profile"])
    release, kind = held.get("release"), held.get("kind")
    if release:
        return f"for release {release['index']} of {release['product']}/{release['line']} alone"
    epoch = f"epoch {held['identity']['epoch']}" if "identity" in held else ""
    return f"{kind['product']}/{kind['line']} on {kind['hardware']}, {epoch}" if kind else epoch


def _lines(values: dict[str, Any], indent: str) -> list[str]:
    lines = []
    for name, value in values.items():
        if value in _EMPTY or name in _FOR_MACHINES:
            continue
        if name == "present":
            lines += _field(name, _present(value), indent)
        elif isinstance(value, dict):
            lines += _section(name, value, indent)
        elif isinstance(value, list) and isinstance(value[0], dict):
            for place, item in enumerate(value[:_SECTIONS]):
                lines += _section(f"{name} {place + 1}", item, indent)
            if len(value) > _SECTIONS:
                lines.append(f"{indent}{len(value) - _SECTIONS:,} more {name}: --json has them")
        elif name in _LISTS:
            lines += [f"{indent}{name}", *(row for item in value for row in _wrapped(item, indent + "  "))]
        else:
            lines += _field(name, _shown(name, value), indent)
    return lines


def _present(value: dict[str, Any]) -> str:
    """How much of a release a payload holds: a line in place of thousands of runs."""
    chunks = sum(run["count"] for run in value["runs"])
    held = counted(chunks, "chunk")
    where = f" in {counted(len(value['runs']), 'run')}" if chunks else ""
    return f"{held}{where}; the others come from release {value['base'][:16]}…"


def _section(name: str, values: dict[str, Any], indent: str) -> list[str]:
    inside = told(values).splitlines() if "kind" in values and {"summary", "code"} & values.keys() else None
    inside = _lines(values, indent + "  ") if inside is None else [f"{indent}  {line}" for line in inside]
    return [f"{indent}{name}", *inside] if inside else []


def _field(name: str, value: str, indent: str) -> list[str]:
    """A name and its value, on the same line where both fit."""
    if len(indent) + _NAME + len(value) <= WIDTH:
        return [f"{indent}{name:<{_NAME - 1}} {value}".rstrip()]
    return [f"{indent}{name}", *_wrapped(value, indent + "  ")]


def _shown(name: str, value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and name in _MOMENTS:
        return clock(value)
    if name == "notes":
        return " / ".join(_printable(line) for line in str(value).splitlines())
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in _SIZES:
        return f"{value:,} bytes"
    if name in _DURATIONS:
        return span(value)
    text = _printable(", ".join(map(str, value)) if isinstance(value, list) else str(value))
    return text if len(text) <= _LONGEST else f"{text[:64]}… ({len(text)} characters)"


def _wrapped(text: str, indent: str, following: str | None = None) -> list[str]:
    """Lines of at most `WIDTH` columns."""
    return textwrap.wrap(
        _printable(text),
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent if following is None else following,
        break_on_hyphens=False,
    )


def _printable(text: str) -> str:
    """Text that cannot move a cursor: names in certificates are whatever a stranger chose."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
