"""An exported ledger: text in lines of JSON, the first one about the box, then one for each entry.

    {"format": "updatebox ledger 1", "box": …, "certificates": […]}
    {"sequence": …, "time": …, "source": …, "who": …, "act": …, "detail": …,
     "previous": …, "digest": …, "signature": …}

The second is one line, too. Bytes are in hexadecimal, `signature` may be null. Nothing in it is secret. It
carries the box's certificates, so that an auditor needs nothing but the vendor's trust anchor. It is written
and read a line at a time: however long a box has worked, that takes no more memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from appliance.trust.ledger_chain import LedgerEntry
from media_format import limits
from media_format.refusal import Refusal
from media_format.wire import malformed

FORMAT: Final = "updatebox ledger 1"
EXPORT: Final = "export"
"""The act that ends an exported ledger."""
WHOLE: Final = "the ledger"
"""What that act says it exported; receipts are exported too."""
MAX_LINE: Final = limits.MIB
"""Bytes of a line."""

_START: Final = re.compile(rb'\s*\{\s*"format"\s*:\s*"updatebox ledger')
_TEXTS: Final = ("source", "who", "act", "detail")
_NAME: Final = "ledger file"


@dataclass(frozen=True, slots=True)
class LedgerFileHead:
    """Whose ledger it is: the box's name, and the chain of its identity certificate in DER."""

    box: str
    certificates: tuple[bytes, ...]


def write_ledger(file: BinaryIO, head: LedgerFileHead, entries: Iterable[LedgerEntry]) -> int:
    """Write a ledger; returns how many entries it has."""
    chain = [der.hex() for der in head.certificates]
    file.write(_line({"format": FORMAT, "box": head.box, "certificates": chain}))
    count = 0
    for entry in entries:
        file.write(_line(_shown(entry)))
        count += 1
    return count


def is_ledger(start: bytes) -> bool:
    """Whether a file that begins so says of itself that it is an exported ledger."""
    return _START.match(start) is not None


def read_ledger(file: BinaryIO) -> tuple[LedgerFileHead, Iterator[LedgerEntry]]:
    """Whose ledger a file holds, and its entries, which are read as they are asked for.

    Refusal(malformed) for what is no such file, and from the entries for a line that is none, which it names.
    """
    lines = _lines(file)
    first = next(lines, None)
    if first is None or first.fields.get("format") != FORMAT:
        raise malformed(_NAME, f"this is no ledger that a box exported ({FORMAT})")
    return LedgerFileHead(first.text("box"), first.chain()), map(_Line.entry, lines)


def _line(fields: Mapping[str, object]) -> bytes:
    return json.dumps(fields, ensure_ascii=False).encode() + b"\n"


def _shown(entry: LedgerEntry) -> dict[str, object]:
    return {
        "sequence": entry.sequence,
        "time": entry.time,
        "source": entry.source,
        "who": entry.who,
        "act": entry.act,
        "detail": entry.detail,
        "previous": entry.previous.hex(),
        "digest": entry.digest.hex(),
        "signature": entry.signature.hex() if entry.signature else None,
    }


def _lines(file: BinaryIO) -> Iterator[_Line]:
    """The lines of a file. Refusal(malformed)."""
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        yield _Line.read(line, number)


@dataclass(frozen=True, slots=True)
class _Line:
    """The object on a line. What is asked for and not there is Refusal(malformed)."""

    number: int
    fields: Mapping[str, Any]

    @classmethod
    def read(cls, line: bytes, number: int) -> _Line:
        if len(line) > MAX_LINE:
            raise malformed(_NAME, f"line {number} is longer than one ever is")
        if not line.endswith(b"\n"):
            raise malformed(_NAME, f"it ends within line {number}")
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            raise malformed(_NAME, f"line {number} is no JSON text") from None
        if not isinstance(found, dict):
            raise malformed(_NAME, f"line {number} is no object")
        return cls(number, found)

    def entry(self) -> LedgerEntry:
        texts = {name: self.text(name) for name in _TEXTS}
        signature = None if self.fields.get("signature") is None else self.octets("signature")
        return LedgerEntry(
            sequence=self.count("sequence"),
            time=self.count("time"),
            **texts,
            previous=self.octets("previous"),
            digest=self.octets("digest"),
            signature=signature,
        )

    def chain(self) -> tuple[bytes, ...]:
        found = self.fields.get("certificates")
        if not isinstance(found, list):
            raise self._wrong("certificates", "list")
        return tuple(_Line(self.number, {"certificates": der}).octets("certificates") for der in found)

    def text(self, name: str) -> str:
        found = self.fields.get(name)
        if not isinstance(found, str) or any("\ud800" <= letter <= "\udfff" for letter in found):
            raise self._wrong(name, "text")
        return found

    def count(self, name: str) -> int:
        found = self.fields.get(name)
        if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 2**63:
            raise self._wrong(name, "number")
        return found

    def octets(self, name: str) -> bytes:
        try:
            return bytes.fromhex(self.text(name))
        except ValueError:
            raise self._wrong(name, "text in hexadecimal") from None

    def _wrong(self, name: str, kind: str) -> Refusal:
        return malformed(_NAME, f"{name!r} of line {self.number} is no {kind}")
