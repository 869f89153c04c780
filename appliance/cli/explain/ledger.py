"""An exported ledger in words: whose it is, from when to when, what was done, and what is wrong with it.

It is held against the certificate that it carries; whose root issued that is another question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from appliance.cli.explain.spans import clock
from appliance.trust.auditing import ends_whole
from appliance.trust.ledger_chain import Chain, Finding, LedgerEntry, signed_by
from appliance.trust.ledger_file import read_ledger
from appliance.trust.profile import UNREADABLE, read_certificate
from media_format.refusal import Refusal
from media_format.wire import malformed

KIND: Final = "exported ledger"
_KINDS: Final = 50
"""Acts and people that are counted one by one; a box has fewer, a stranger's file may not."""


@dataclass(frozen=True, slots=True)
class LedgerContent:
    """What an exported ledger comes to. Times are in seconds since the epoch."""

    box: str
    certificates: tuple[x509.Certificate, ...]
    """The box's, and those above it."""
    entries: int
    begins: int | None
    ends: int | None
    signed: int
    """The last entry with the box's signature, 0 for none."""
    whole: bool
    """Whether it ends with the signed entry of its export."""
    acts: Counter[str]
    people: Counter[str]
    findings: tuple[Finding, ...]
    damage: str | None
    """Why it could not be read to its end."""

    @property
    def summary(self) -> str:
        when = ""
        if self.begins is not None and self.ends is not None:
            when = f", {clock(self.begins)} to {clock(self.ends)}"
        return f"of {self.box}: {self.entries:,} entries{when}; {self._signed}"

    @property
    def _signed(self) -> str:
        if self.whole:
            return "signed to its end, which is that of an export"
        if self.signed:
            return f"signed up to entry {self.signed}, NO SIGNED END"
        return "NOT SIGNED"

    @property
    def fields(self) -> dict[str, Any]:
        return {
            "box": self.box,
            "entries": self.entries,
            "begins": self.begins,
            "ends": self.ends,
            "signed": self.signed,
            "whole": self.whole,
            "acts": _counted(self.acts),
            "people": _counted(self.people),
            "findings": [{"place": one.place, "problem": one.problem} for one in self.findings],
        }

    @property
    def notes(self) -> tuple[str, ...]:
        found = [f"entry {one.place}: {one.problem}" for one in self.findings]
        return (*found, *filter(None, [self.damage]))


def read_content(file: BinaryIO) -> LedgerContent:
    """Read an exported ledger to its end, or to where it is damaged.

    Refusal(malformed) where already its first line is, or its certificate.
    """
    head, entries = read_ledger(file)
    try:
        certificates = tuple(map(read_certificate, head.certificates))
        chain = Chain(signed_by(_key(certificates)))
    except UNREADABLE as error:
        raise malformed("ledger file", f"its certificate cannot be read: {error}") from None
    reading = _Reading(entries)
    findings = tuple(chain.walk(reading))
    return LedgerContent(
        box=head.box,
        certificates=certificates,
        entries=chain.entries,
        begins=chain.first.time if chain.first else None,
        ends=chain.end.time if chain.end else None,
        signed=chain.signed,
        whole=ends_whole(chain) and reading.damage is None,
        acts=reading.acts,
        people=reading.people,
        findings=findings,
        damage=reading.damage,
    )


class _Reading:
    """Entries as far as they can be read, counted by act and person on the way."""

    def __init__(self, entries: Iterator[LedgerEntry]) -> None:
        self._entries = entries
        self.acts: Counter[str] = Counter()
        self.people: Counter[str] = Counter()
        self.damage: str | None = None

    def __iter__(self) -> Iterator[LedgerEntry]:
        try:
            for entry in self._entries:
                _count(self.acts, entry.act)
                _count(self.people, entry.who or "nobody")
                yield entry
        except Refusal as refusal:
            self.damage = f"it cannot be read on: {refusal.detail}"


def _key(certificates: tuple[x509.Certificate, ...]) -> bytes:
    """The key that should have signed, as SubjectPublicKeyInfo."""
    key = certificates[0].public_key() if certificates else None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise malformed("ledger file", "it carries no certificate of a box")
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _count(counter: Counter[str], name: str) -> None:
    counter[name if name in counter or len(counter) < _KINDS else "others"] += 1


def _counted(counter: Counter[str]) -> list[str]:
    return [f"{count} x {name}" for name, count in counter.most_common()]
