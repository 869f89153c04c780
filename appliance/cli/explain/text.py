"""An explanation as lines of text. Long values are cut short and keys left out: the JSON object has all."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

_MOMENTS: Final = {
    "created",
    "issued_at",
    "expires",
    "install_by",
    "time",
    "time_floor",
    "started",
    "finished",
}
_LAST: Final = 253402300799
_FOR_MACHINES: Final = {"crl_numbers", "wraps", "wrapped_key", "key_id", "nonce", "format", "roots"}
_EMPTY: Final[tuple[object, ...]] = (None, "", [], {})


def told(found: dict[str, Any]) -> str:
    """What was found: where, what it is, who signed it, what is inside."""
    lines = [f"{found['kind'].upper()}  {_printable(found.get('file', ''))}".rstrip()]
    if "code" in found:
        return "\n".join([*lines, f"  {found['code']}: {_printable(found['detail'])}"])
    if found.get("summary"):
        lines.append(f"  {_printable(found['summary'])}")
    if "digest" in found:
        lines.append(f"  fingerprint {found['digest']}")
    for signer in found.get("signers", ()):
        lines.append(f"  {_signer(signer)}")
    lines += _lines(found.get("fields", {}), "    ")
    return "\n".join(lines)


def _signer(signer: dict[str, Any]) -> str:
    holder = _printable(signer["holder"])
    if "purpose" not in signer:
        return f"signed by {holder}"
    ends = f"until {signer['valid until'][:10]}" if signer["valid until"] else "for ever"
    dates = f"valid from {signer['valid from'][:10]} {ends}"
    about = f"{holder} ({signer['purpose']}), {dates}, serial {signer['serial']}"
    if "signature" not in signer:
        return f"certificate of {about}"
    return f"signed by {about}: signature {signer['signature']}"


def _lines(values: dict[str, Any], indent: str) -> list[str]:
    lines = []
    for name, value in values.items():
        if value in _EMPTY or name in _FOR_MACHINES:
            continue
        if isinstance(value, dict):
            lines += _section(name, value, indent)
        elif isinstance(value, list) and isinstance(value[0], dict):
            for place, item in enumerate(value):
                lines += _section(f"{name} {place + 1}", item, indent)
        else:
            lines.append(f"{indent}{name:<16} {_shown(name, value)}")
    return lines


def _section(name: str, values: dict[str, Any], indent: str) -> list[str]:
    inside = _lines(values, indent + "  ")
    return [f"{indent}{name}", *inside] if inside else []


def _shown(name: str, value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and name in _MOMENTS:
        return f"{datetime.fromtimestamp(min(value, _LAST), UTC):%Y-%m-%d %H:%M:%S} UTC"
    if name == "notes":
        return " / ".join(_printable(line) for line in str(value).splitlines())
    text = _printable(", ".join(map(str, value)) if isinstance(value, list) else str(value))
    return text if len(text) <= 80 else f"{text[:64]}… ({len(text)} characters)"


def _printable(text: str) -> str:
    """Text that cannot move a cursor: names in certificates are whatever a stranger chose."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
