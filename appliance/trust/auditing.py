"""Auditing: whether an exported ledger holds, said by somebody who has the vendor's trust anchor and no box.

Its end is the export's own signed entry; where that is not the last one, entries may have been cut off behind
it, and where none is signed nothing says who wrote the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from appliance.trust.bundle import Bundle
from appliance.trust.chain import verify_chain
from appliance.trust.crl import RevocationLists
from appliance.trust.ledger_chain import Chain, Finding, signed_by
from appliance.trust.ledger_file import EXPORT, WHOLE, read_ledger
from appliance.trust.purpose import Purpose
from media_format.refusal import Code, Refusal


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
    """What is wrong, as far as there is room."""


def audit(file: BinaryIO, trusted: Bundle) -> LedgerAudit:
    """Check an exported ledger with nothing but the vendor's trust anchor and revocation lists.

    Refusal(malformed) for what is no such file, (chain-invalid), (purpose-mismatch) or (revoked) for one that
    no box of the vendor's can have written.
    """
    head, entries = read_ledger(file)
    certificate = verify_chain(head.certificates, trusted.anchor, Purpose.BOX_IDENTITY)
    RevocationLists(trusted.anchor).take(trusted.crls, certificate.issuers).judge_chain(certificate)
    if head.box != certificate.identity.id:
        raise Refusal(Code.PURPOSE_MISMATCH, "the ledger names another box than its certificate")
    chain = Chain(signed_by(certificate.spki))
    findings = tuple(chain.walk(entries))
    return LedgerAudit(
        head.box, trusted.anchor.vendor, chain.entries, chain.signed, ends_whole(chain), findings
    )


def ends_whole(chain: Chain) -> bool:
    """Whether an exported ledger ends with the signed entry of its export."""
    end = chain.end
    return end is not None and (end.act, end.detail) == (EXPORT, WHOLE) and chain.signed == end.sequence
