"""What else there is to know of a thing: all that is or will soon be wrong with it, each by itself.

A machine says the first thing that is wrong, in the order of its checks. Whoever has to find out wants the
others too. Nothing here decides anything.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography import x509

from appliance.cli.explain.certificates import never_ends, purpose_of, short_name
from appliance.cli.explain.objects import matches
from appliance.cli.explain.spans import clock, day, span
from appliance.cli.explain.things import Thing
from appliance.trust.clock import DAY, SKEW
from appliance.trust.path import issued
from appliance.trust.profile import read_certificate
from appliance.trust.purpose import Purpose
from appliance.trust.revocation_list import RevocationList
from media_format import cose
from media_format.objects import (
    Directive,
    Envelope,
    EnvelopeKind,
    Manifest,
    Receipt,
    Request,
    TrustAnchor,
)
from media_format.receipt_file import ReceiptCollection
from media_format.refusal import Code

_WARNING: Final = 90 * DAY
_PACKAGE_WARNING: Final = 14 * DAY


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth knowing. `code` is what a machine that comes to it refuses with; None for a hint."""

    code: Code | None
    text: str


@dataclass(frozen=True, slots=True)
class View:
    """What is known to whoever looks: the time, the revocation lists, and an anchor where one was named."""

    at: int
    lists: tuple[RevocationList, ...]
    anchor: TrustAnchor | None = None

    @property
    def roots(self) -> tuple[x509.Certificate, ...]:
        """The pinned roots; none where no anchor was named."""
        found = self.anchor.roots if self.anchor else ()
        return tuple(read_certificate(root.certificate) for root in found)

    def list_of(self, issuer: x509.Certificate) -> RevocationList | None:
        """The newest list of an issuer."""
        own = [known for known in self.lists if known.signed_by(issuer)]
        return max(own, key=lambda known: known.number, default=None)


def notes(thing: Thing, view: View) -> tuple[Note, ...]:
    """Everything about a thing, in no order of importance, each said once."""
    found = [*_of_record(thing, view.at)]
    if thing.content is not None:
        found += [Note(None, text) for text in thing.content.notes]
    for place, part in enumerate(thing.parts, 1):
        found += _of_part(part, f"receipt {place}")
    for signature in thing.signatures:
        chain = [read_certificate(der) for der in signature.chain]
        if chain:
            found += _of_signature(thing, signature, chain, view)
    if not thing.signatures:
        for held in thing.certificates:
            if thing.content is None:  # a ledger outlives its box's certificate
                found += _of_dates(held, view.at, view.at)
            found += _of_revocation(held, [*thing.certificates, *view.roots], view)
    return tuple(dict.fromkeys(found))


def _of_part(part: Thing, name: str) -> Iterator[Note]:
    """What is wrong with a receipt among others; it has no code, for a file is not refused for one part."""
    if part.problem is not None:
        yield Note(None, f"{name} is damaged: {part.problem}")
    for signature in part.signatures:
        holder = read_certificate(signature.chain[0]) if signature.chain else None
        if holder is None or not matches(signature, holder):
            yield Note(None, f"{name} was changed: its device did not sign it so")


def _of_record(thing: Thing, at: int) -> Iterator[Note]:
    record = thing.record
    if isinstance(record, Envelope):
        if record.issued_at > at + SKEW:
            yield Note(Code.CERTIFICATE_NOT_YET_VALID, f"the package is issued {clock(record.issued_at)}")
        yield from _ends("the package", record.expires, at)
    if isinstance(record, Manifest):
        if record.created > at + SKEW:
            yield Note(Code.TIME_BEFORE_FLOOR, f"the release was made {clock(record.created)}")
        if record.install_by is not None:
            yield from _ends("the release", record.install_by, at)
    if isinstance(record, Directive) and record.issued_at > at + SKEW:
        yield Note(Code.CERTIFICATE_NOT_YET_VALID, f"the directive is issued {clock(record.issued_at)}")


def _ends(what: str, end: int, at: int) -> Iterator[Note]:
    if at > end:
        yield Note(Code.PACKAGE_EXPIRED, f"{what} is past its date, {day(end)}, by {span(at - end)}")
    elif end - at <= _PACKAGE_WARNING:
        yield Note(None, f"{what} is past its date in {span(end - at)}")


def _of_signature(
    thing: Thing, signature: cose.Signature, chain: Sequence[x509.Certificate], view: View
) -> Iterator[Note]:
    if not matches(signature, chain[0]):
        yield Note(Code.SIGNATURE_INVALID, f"the signature is not that of {short_name(chain[0])}")
    expected = _expected(thing)
    if expected is not None and purpose_of(chain[0]) is not expected:
        yield Note(Code.PURPOSE_MISMATCH, f"{short_name(chain[0])} signed, not a {expected.words}")
    for subject, issuer in itertools.pairwise(chain):
        if not issued(issuer, subject):
            yield Note(Code.CHAIN_INVALID, f"{short_name(subject)} is not issued by the next in its chain")
    roots = view.roots
    if roots and not any(issued(root, chain[-1]) for root in roots):
        yield Note(Code.CHAIN_INVALID, f"no root that is trusted here issued {short_name(chain[-1])}")
    for subject in chain:
        yield from _of_dates(subject, _counts_at(thing, view.at), view.at)
        yield from _of_revocation(subject, [*chain, *roots], view)


def _of_dates(certificate: x509.Certificate, counts: int, at: int) -> Iterator[Note]:
    """How a certificate stands at the moment that counts, and how it will stand soon."""
    name = short_name(certificate)
    begins = int(certificate.not_valid_before_utc.timestamp())
    ends = int(certificate.not_valid_after_utc.timestamp())
    if counts < begins:
        yield Note(
            Code.CERTIFICATE_NOT_YET_VALID, f"{name} is valid from {clock(begins)}, used {clock(counts)}"
        )
    elif counts > ends:
        than = "ago" if counts == at else "before it signed"
        yield Note(Code.CERTIFICATE_EXPIRED, f"{name} expired {clock(ends)}, {span(counts - ends)} {than}")
    elif at > ends:
        yield Note(None, f"{name} expired {span(at - ends)} ago, but was valid when it signed, which counts")
    elif not never_ends(certificate) and ends - at <= _WARNING:
        yield Note(None, f"{name} expires in {span(ends - at)}, {day(ends)}")


def _of_revocation(
    subject: x509.Certificate, above: Sequence[x509.Certificate], view: View
) -> Iterator[Note]:
    """What the newest known list of its issuer says of a certificate."""
    issuer = next((one for one in above if one is not subject and issued(one, subject)), None)
    known = view.list_of(issuer) if issuer is not None else None
    if issuer is None or known is None:
        return
    entry = known.crl.get_revoked_certificate_by_serial_number(subject.serial_number)
    if entry is not None:
        since = day(int(entry.revocation_date_utc.timestamp()))
        name = short_name(subject)
        yield Note(Code.REVOKED, f"{name} was revoked {since}: list {known.number} of its issuer")


def _counts_at(thing: Thing, at: int) -> int:
    """When the certificates behind a signature have to be valid."""
    match thing.record:
        case Envelope() | Directive():
            return thing.record.issued_at
        case Manifest():
            return thing.record.created
    return at


def _expected(thing: Thing) -> Purpose | None:
    match thing.record:
        case Envelope():
            is_delivery = thing.record.kind is EnvelopeKind.DELIVERY
            return Purpose.BOX_IDENTITY if is_delivery else Purpose.RELEASE_SEALER
        case Manifest():
            return Purpose.RELEASE_SIGNER
        case Directive():
            return Purpose.DIRECTIVE_SIGNER
        case Request() | Receipt():
            return Purpose.DEVICE_IDENTITY
        case ReceiptCollection():
            return Purpose.BOX_IDENTITY
    return None
