"""The ledger's chain: what ties its entries together, and what is wrong where they do not hold."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key

from media_format import cbor

BEGINNING: Final = bytes(32)
"""What the first entry carries as the digest of the one before it."""
BREAK: Final = "break"
"""The act of an entry before which the chain does not hold: the TPM remembers another end."""
SIGNATURE: Final = 64
"""Bytes of a signature: r || s (RFC 9053, 2.1)."""

TOLD: Final = 100
"""Findings that are told of one ledger; the first one is what counts."""

Check = Callable[[bytes, bytes], bool]
"""Whether a signature over a digest is the box's."""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One act: when by which clock, who, what. `digest` is over all this and the digest of the one before."""

    sequence: int
    time: int
    source: str
    who: str
    act: str
    detail: str
    previous: bytes
    digest: bytes
    signature: bytes | None

    @property
    def signed(self) -> bool:
        """Whether the box signed it; it has then signed all entries before it too."""
        return self.signature is not None


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong at one place: the number of an entry."""

    place: int
    problem: str


def digest_of(
    sequence: int, time: int, source: str, who: str, act: str, detail: str, previous: bytes
) -> bytes:
    """The digest of an entry: SHA-256 over the deterministic CBOR of all it says, under a name of its own."""
    entry: list[cbor.Value] = ["updatebox ledger", sequence, time, source, who, act, detail, previous]
    return hashlib.sha256(cbor.encode(entry)).digest()


def signed_by(spki: bytes) -> Check:
    """Checks signatures of an identity key, which is given as SubjectPublicKeyInfo."""
    key = load_der_public_key(spki)
    assert isinstance(key, ec.EllipticCurvePublicKey)

    def check(digest: bytes, signature: bytes) -> bool:
        if len(signature) != SIGNATURE:
            return False
        r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
        try:
            key.verify(utils.encode_dss_signature(r, s), digest, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True

    return check


class Chain:
    """A walk along entries in their order, which says of each what does not hold.

    After a finding the walk goes on from what the entry itself says, so that one edit is one finding. However
    many entries there are, and however many of them are wrong, it takes the same memory.
    """

    def __init__(self, check: Check) -> None:
        self._check = check
        self._previous = BEGINNING
        self.entries = 0
        """How many entries there were."""
        self.first: LedgerEntry | None = None
        self.end: LedgerEntry | None = None
        """The last entry."""
        self.signed = 0
        """The number of the last entry with the box's signature, which covers all before it."""

    @property
    def last(self) -> int:
        """The number of the last entry, 0 before the first."""
        return self.end.sequence if self.end else 0

    def walk(self, entries: Iterable[LedgerEntry]) -> list[Finding]:
        """Walk on to the end of `entries`; the first `TOLD` findings."""
        told: list[Finding] = []
        for entry in entries:
            found = self._findings(entry)
            told += islice(found, TOLD - len(told))
            deque(found, 0)  # a signature is looked at although its finding is not told
            self._take(entry)
        return told

    def _findings(self, entry: LedgerEntry) -> Iterator[Finding]:
        yield from (Finding(self.last + 1, problem) for problem in self._order(entry))
        yield from (Finding(entry.sequence, problem) for problem in self._problems(entry))

    def _take(self, entry: LedgerEntry) -> None:
        self.entries += 1
        self.first = self.first or entry
        self.end, self._previous = entry, entry.digest

    def _order(self, entry: LedgerEntry) -> Iterator[str]:
        if entry.sequence > self.last + 1:
            missing = entry.sequence - self.last - 1
            yield f"{'an entry is' if missing == 1 else f'{missing} entries are'} missing here"

    def _problems(self, entry: LedgerEntry) -> Iterator[str]:
        if entry.sequence <= self.last:
            yield f"it stands after entry {self.last}"
        told = (entry.sequence, entry.time, entry.source, entry.who, entry.act, entry.detail)
        if entry.digest != digest_of(*told, entry.previous):
            yield "it was edited"
        elif entry.sequence == self.last + 1 and entry.previous != self._previous:
            yield "it does not follow the entry before it"
        if entry.signature is not None:
            if self._check(entry.digest, entry.signature):
                self.signed = entry.sequence
            else:
                yield "its signature is not the box's"
        elif entry.who:
            yield "it names a person and has no signature"
        if entry.act == BREAK:
            yield f"the chain was broken before it: {entry.detail}"
