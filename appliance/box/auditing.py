"""Auditing: whether the ledger holds, in the store and in a file that somebody else checks.

An exported ledger carries the box's certificates, so that an auditor needs nothing but the vendor's trust
anchor. Its end is the export's own signed entry; where that is not the last one, entries may have been cut
off behind it, and where none is signed nothing says who wrote the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from appliance.box import identity
from appliance.box.ledger import LedgerState
from appliance.box.ledger_chain import Chain, Finding, LedgerEntry, signed_by
from appliance.box.machine import Machine
from appliance.trust.bundle import Bundle
from appliance.trust.chain import verify_chain
from appliance.trust.crl import RevocationLists
from appliance.trust.purpose import Purpose
from media_format import limits
from media_format.refusal import Code, Refusal
from media_format.wire import malformed

FORMAT: Final = "updatebox ledger 1"
EXPORT: Final = "export"
"""The act that ends an exported ledger."""
WHOLE: Final = "the ledger"
"""What that act says it exported; receipts are exported too."""
MAX_FILE: Final = 1024 * limits.MIB
"""Bytes of an exported ledger."""

_TEXTS: Final = ("source", "who", "act", "detail")
_NAME: Final = "ledger file"


@dataclass(frozen=True, slots=True)
class LedgerAudit:
    """What an exported ledger comes to. `signed` is the last entry with the box's signature, 0 for none."""

    box: str
    vendor: str
    entries: int
    signed: int
    whole: bool
    """Whether the last entry is the box's own signed word that the ledger was exported up to here."""
    findings: tuple[Finding, ...]


def check_ledger(machine: Machine) -> LedgerState:
    """As `BoxService.check_ledger`."""
    return machine.ledger.verify(signed_by(machine.tpm.public(identity.IDENTITY)))


def audit(data: bytes, trusted: Bundle) -> LedgerAudit:
    """Check an exported ledger with nothing but the vendor's trust anchor and revocation lists.

    Refusal(malformed) for what is no such file, (chain-invalid), (purpose-mismatch) or (revoked) for one that
    no box of the vendor's can have written.
    """
    ledger = _Opened(_decoded(data))
    box, entries = ledger.text("box"), tuple(ledger.entries())
    certificate = verify_chain(ledger.chain(), trusted.anchor, Purpose.BOX_IDENTITY)
    RevocationLists(trusted.anchor).take(trusted.crls, certificate.issuers).judge_chain(certificate)
    if box != certificate.identity.id:
        raise Refusal(Code.PURPOSE_MISMATCH, "the ledger names another box than its certificate")
    chain = Chain(signed_by(certificate.spki))
    findings = tuple(chain.findings(entries))
    last = entries[-1] if entries else None
    whole = last is not None and (last.act, last.detail) == (EXPORT, WHOLE) and chain.signed == last.sequence
    vendor = trusted.anchor.vendor
    return LedgerAudit(box, vendor, len(entries), chain.signed, whole, findings)


def _decoded(data: bytes) -> Mapping[str, Any]:
    try:
        ledger = json.loads(data)
    except (ValueError, RecursionError):
        raise malformed(_NAME, "this is no JSON text") from None
    if not isinstance(ledger, dict) or ledger.get("format") != FORMAT:
        raise malformed(_NAME, f"this is no ledger that a box exported ({FORMAT})")
    return ledger


class _Opened:
    """The fields of an exported ledger. Refusal(malformed) where they are none."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        return _text(self._fields, name)

    def chain(self) -> tuple[bytes, ...]:
        return tuple(_bytes({"certificate": der}, "certificate") for der in self._list("certificates"))

    def entries(self) -> Iterator[LedgerEntry]:
        for entry in self._list("entries"):
            if not isinstance(entry, dict):
                raise malformed(_NAME, "an entry is no object")
            texts = {name: _text(entry, name) for name in _TEXTS}
            signature = None if entry.get("signature") is None else _bytes(entry, "signature")
            yield LedgerEntry(
                sequence=_number(entry, "sequence"),
                time=_number(entry, "time"),
                **texts,
                previous=_bytes(entry, "previous"),
                digest=_bytes(entry, "digest"),
                signature=signature,
            )

    def _list(self, name: str) -> list[Any]:
        found = self._fields.get(name)
        if not isinstance(found, list):
            raise malformed(_NAME, f"{name!r} is no list")
        return found


def _text(fields: Mapping[str, Any], name: str) -> str:
    found = fields.get(name)
    if not isinstance(found, str) or any("\ud800" <= letter <= "\udfff" for letter in found):
        raise malformed(_NAME, f"{name!r} is no text")
    return found


def _number(fields: Mapping[str, Any], name: str) -> int:
    found = fields.get(name)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < 2**63:
        raise malformed(_NAME, f"{name!r} is no number")
    return found


def _bytes(fields: Mapping[str, Any], name: str) -> bytes:
    try:
        return bytes.fromhex(_text(fields, name))
    except ValueError:
        raise malformed(_NAME, f"{name!r} is not in hexadecimal") from None
